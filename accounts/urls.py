"""The pages of people: coming in and out, one's own account, an organization of one's own."""

from django.urls import include, path

from accounts.views import account, entrance, mailbox, organizations

urlpatterns = [
    path("accounts/", include(entrance.urlpatterns)),
    path("account/", account.account, name="account"),
    path("account/profile/", account.profile, name="profile"),
    path("organizations/new/", organizations.new, name="organization_new"),
    path("organizations/<slug:slug>/edit/", organizations.edit, name="organization_edit"),
    path("mailbox/", mailbox.mailbox, name="mailbox"),
]
