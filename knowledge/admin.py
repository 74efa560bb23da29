"""What moderators keep by hand: the taxonomy of issue areas; and what they look at: what became of mail.

Posts, moves and comments are changed by their verbs alone.
"""

from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from taggit.admin import Tag as UnusedTag

from commons.access import acting
from knowledge.notifications.letters import send_again
from knowledge.notifications.models import Letter, Outcome
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


@admin.register(Letter)
class LetterAdmin(admin.ModelAdmin):
    """What became of mail, and why; what was given up can be sent again. For operators: it names people's addresses."""

    list_display = ("id", "to", "sort", "period", "due_at", "tries", "outcome", "reason")
    list_filter = ("outcome", "sort")
    search_fields = ("=member__email", "=reader__address", "=address")
    list_select_related = ("member", "reader")
    show_full_result_count = False
    actions = ("again",)

    @admin.action(description="Send again what was given up or refused")
    def again(self, request: HttpRequest, letters: QuerySet[Letter]) -> None:
        those = list(letters.filter(outcome__in=[Outcome.FAILED, Outcome.REFUSED]))
        for letter in those:
            send_again(letter)
        self.message_user(request, f"{len(those)} to be sent again.")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_superuser  # type: ignore[union-attr]

    def has_view_permission(self, request: HttpRequest, obj: Letter | None = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Letter | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Letter | None = None) -> bool:
        return False
