"""What moderators see of members and organizations, and the little that is done about them by hand."""

import allauth.account.admin  # noqa: F401 (so that what it registers is there to be taken out)
import django.contrib.auth.admin  # noqa: F401
from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.members.models import Member
from accounts.organizations.actions import verify
from accounts.organizations.models import Membership, Organization
from accounts.organizations.permissions import can_verify
from commons import queue


def to_own_password_page(request: HttpRequest, extra_context: object = None) -> HttpResponse:
    """Passwords are changed on one page, the member's own."""
    return redirect("account_change_password")


admin.site.site_header = admin.site.site_title = settings.SITE_NAME
admin.site.index_title = "Moderation"
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.password_change = to_own_password_page  # type: ignore[method-assign, assignment]
# An address is confirmed by its code and in no other way; and nobody here holds rights through a group.
admin.site.unregister([EmailAddress, Group])


class LookedAt(admin.ModelAdmin):
    """To look at: nothing is added, changed or taken away."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    can_delete = False
    fields = readonly_fields = ("member", "organization", "role", "since")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Member)
class MemberAdmin(LookedAt):
    """Members. A superuser appoints moderators and closes accounts; nobody becomes a superuser here."""

    list_display = ("name", "handle", "email", "joined_at", "is_active", "is_moderator")
    list_filter = ("is_moderator", "is_active")
    search_fields = ("=handle", "=email", "name")
    ordering = ("-pk",)
    readonly_fields = ("name", "handle", "email", "bio", "time_zone", "joined_at", "last_login", "is_superuser")
    fields = (*readonly_fields, "is_moderator", "is_active")
    inlines = (MembershipInline,)

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.is_active and request.user.is_superuser

    def save_model(self, request: HttpRequest, obj: Member, form: ModelForm, change: bool) -> None:
        """Write what was changed and nothing else; the admin's own log says by whom."""
        if form.changed_data:
            obj.save(update_fields=form.changed_data)
            queue.defer(queue.FOLLOW_RENAME, kind="member", pk=obj.pk)  # pages say whose account is suspended


@admin.register(Organization)
class OrganizationAdmin(LookedAt):
    """Organizations. A moderator vouches for one by marking it as verified."""

    list_display = ("name", "kind", "website", "founded_at", "verified_at")
    list_filter = ("kind", ("verified_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "=slug")
    ordering = ("-pk",)
    fields = ("name", "slug", "kind", "description", "website", "language", "founded_at", "verified_at")
    inlines = (MembershipInline,)
    actions = ("mark_as_verified",)

    def has_verify_permission(self, request: HttpRequest) -> bool:
        return can_verify(request.user)

    @admin.action(description="Mark as verified", permissions=["verify"])
    def mark_as_verified(self, request: HttpRequest, queryset: QuerySet[Organization]) -> None:
        """Vouch for each, by the verb that the rest of the site calls."""
        for organization in queryset:
            verify(organization, by=request.user)  # type: ignore[arg-type]
        self.message_user(
            request, f"Marked as verified: {', '.join(each.name for each in queryset)}.", messages.SUCCESS
        )
