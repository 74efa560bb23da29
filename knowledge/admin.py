"""What moderators keep by hand: the taxonomy of issue areas. Posts, moves and comments are changed by their verbs alone."""

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest
from taggit.admin import Tag as UnusedTag

from commons.access import acting
from knowledge.topics.actions import keep_area
from knowledge.topics.models import IssueArea
from knowledge.topics.permissions import can_keep_areas

admin.site.unregister(UnusedTag)  # taggit's own table; ours are knowledge.Tag, and nobody keeps them by hand


@admin.register(IssueArea)
class IssueAreaAdmin(admin.ModelAdmin):
    """The issue areas. An area's address stays: its slug is chosen once."""

    list_display = ("name", "parent", "position", "pcs")
    list_filter = (("parent", admin.RelatedOnlyFieldListFilter),)
    search_fields = ("name", "=slug")
    fields = ("name", "slug", "parent", "description", "position", "sdgs", "pcs")

    def get_readonly_fields(self, request: HttpRequest, obj: IssueArea | None = None) -> tuple[str, ...]:
        return ("slug",) if obj else ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return can_keep_areas(request.user)

    def has_change_permission(self, request: HttpRequest, obj: IssueArea | None = None) -> bool:
        return can_keep_areas(request.user)

    def has_delete_permission(self, request: HttpRequest, obj: IssueArea | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: IssueArea, form: ModelForm, change: bool) -> None:
        keep_area(obj, by=acting(request))
