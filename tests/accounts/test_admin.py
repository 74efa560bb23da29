"""What moderators see of people in the admin, the little they do there, and what nobody does there."""

import pytest
from django.contrib import admin
from django.test import Client, RequestFactory
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.members.models import Member
from accounts.organizations.models import Membership, Organization
from commons import queue
from commons.activity.models import Activity
from knowledge.posts.models import Post
from tests.make import make_member

MEMBERS = "/admin/accounts/member/"
ORGANIZATIONS = "/admin/accounts/organization/"


@pytest.fixture
def moderator(signed_in, mona) -> Client:
    return signed_in(mona)


@pytest.fixture
def superuser(db) -> Member:
    return make_member("Sam Superuser", handle="sam", is_superuser=True, is_moderator=True)


def test_without_an_account_one_is_sent_to_our_page_to_sign_in(client, db):
    for path in ("/admin/", MEMBERS, "/admin/login/"):
        answer = client.get(path, follow=True)
        assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=")
        assert "<h1>Sign in</h1>" in answer.content.decode()


@pytest.mark.parametrize("who", ["alice", "bob", "charlie"])
@pytest.mark.parametrize("path", ["/admin/", MEMBERS, ORGANIZATIONS])
def test_a_member_who_does_not_moderate_is_kept_out(signed_in, request, alice, who, path):
    answer = signed_in(request.getfixturevalue(who)).get(path, follow=True)
    assert answer.status_code in (403, 404)
    assert "Django" not in answer.content.decode()


def test_a_moderator_sees_members_and_organizations(moderator, alice, organization, post):
    assert moderator.get("/admin/").status_code == 200
    for path, name in ((MEMBERS, "Alice Adeyemi"), (ORGANIZATIONS, organization.name)):
        assert name in moderator.get(path).content.decode()
        assert name in moderator.get(f"{path}?q={name.split()[0]}").content.decode()
    assert "Alice Adeyemi" in moderator.get(f"{MEMBERS}{alice.pk}/change/").content.decode()
    assert organization.name in moderator.get(f"{ORGANIZATIONS}{organization.pk}/change/").content.decode()


def test_a_moderator_changes_nothing_of_a_member(moderator, alice):
    path = f"{MEMBERS}{alice.pk}/change/"
    html = moderator.get(path).content.decode()
    assert 'name="_save"' not in html
    assert 'name="password"' not in html
    assert alice.password not in html
    answer = moderator.post(path, {"name": "Somebody", "is_moderator": "on", "is_superuser": "on"})
    assert answer.status_code == 403
    alice.refresh_from_db()
    assert (alice.name, alice.is_moderator, alice.is_superuser) == ("Alice Adeyemi", False, False)


def test_a_moderator_does_not_make_themselves_more(moderator, mona):
    moderator.post(f"{MEMBERS}{mona.pk}/change/", {"is_superuser": "on"})
    mona.refresh_from_db()
    assert not mona.is_superuser


@pytest.mark.parametrize("who", ["mona", "superuser"])
@pytest.mark.parametrize(("path", "model"), [(MEMBERS, Member), (ORGANIZATIONS, Organization)])
def test_nothing_is_added_or_deleted(signed_in, request, alice, organization, who, path, model):
    browser = signed_in(request.getfixturevalue(who))
    thing = model.objects.order_by("pk").first()
    before = model.objects.count()
    assert browser.get(f"{path}add/").status_code == 403
    assert browser.post(f"{path}add/", {}).status_code == 403
    assert browser.post(f"{path}{thing.pk}/delete/", {"post": "yes"}).status_code == 403
    browser.post(path, {"action": "delete_selected", "_selected_action": [thing.pk], "post": "yes"})
    assert model.objects.count() == before


def test_a_superuser_appoints_moderators_and_closes_accounts_and_no_more(signed_in, superuser, alice):
    browser = signed_in(superuser)
    path = f"{MEMBERS}{alice.pk}/change/"
    form = {
        "is_moderator": "on", "name": "Somebody", "handle": "other", "is_superuser": "on",
        "memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0",
    }  # fmt: skip
    assert browser.post(path, form).status_code == 302
    alice.refresh_from_db()
    assert (alice.is_moderator, alice.is_active, alice.is_superuser) == (True, False, False)
    assert (alice.name, alice.handle) == ("Alice Adeyemi", "alice")


def test_a_moderator_vouches_for_an_organization_once(moderator, mona, organization):
    form = {"action": "mark_as_verified", "_selected_action": [organization.pk]}
    for _ in range(2):
        assert moderator.post(ORGANIZATIONS, form).status_code == 302
    organization.refresh_from_db()
    assert organization.verified_at is not None
    fact = Activity.objects.get()
    assert (fact.by, fact.subject_kind, fact.subject_id, fact.data) == (
        mona, "organization", organization.pk, {"verified": True},
    )  # fmt: skip
    jobs = ProcrastinateJob.objects.filter(task_name=queue.FOLLOW_RENAME)
    assert [job.args for job in jobs] == [{"kind": "organization", "pk": organization.pk}]


def test_what_an_organization_says_and_who_belongs_to_it_is_only_looked_at(moderator, alice, organization):
    moderator.post(
        f"{ORGANIZATIONS}{organization.pk}/change/",
        {"name": "Another", "verified_at_0": "2026-01-01", "slug": "another"},
    )
    organization.refresh_from_db()
    assert (organization.name, organization.slug, organization.verified_at) == (
        "Harbor Street Housing Desk", "harbor-street", None,
    )  # fmt: skip
    assert Membership.objects.get(organization=organization).role == "owner"


@pytest.mark.parametrize("who", ["mona", "superuser"])
def test_no_page_of_the_admin_lets_one_type_a_rung(request, who):
    asks = RequestFactory().get("/admin/")
    asks.user = request.getfixturevalue(who)
    for model, page in admin.site._registry.items():
        if not page.has_change_permission(asks) and not page.has_add_permission(asks):
            continue
        typed = set(page.get_form(asks).base_fields)
        assert not typed & {"rung", "to_rung", "from_rung", "shown", "handle", "verified_at"}, model
        assert model is not Post


def test_moderators_do_nothing_there_but_vouch(mona, alice):
    """No action of another package's admin slips in: each would act without a verb, a permission or a fact."""
    asks = RequestFactory().get("/admin/")
    asks.user = mona
    for model, page in admin.site._registry.items():
        if page.has_view_permission(asks):
            assert set(page.get_actions(asks)) <= {"mark_as_verified"}, model


@pytest.mark.parametrize("path", ["account/emailaddress/", "auth/group/", "taggit/tag/"])
def test_what_other_packages_bring_is_not_for_moderators(moderator, path):
    assert moderator.get(f"/admin/{path}").status_code in (403, 404)


def test_a_password_is_changed_on_the_members_own_page(moderator):
    assert moderator.get("/admin/password_change/")["Location"] == "/accounts/password/change/"


def test_what_the_lists_ask_the_database_does_not_grow(moderator, alice, django_assert_num_queries):
    def asked(path: str) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as queries:
            assert moderator.get(path).status_code == 200
        return len(queries)

    before = asked(MEMBERS), asked(ORGANIZATIONS)
    for number in range(10):
        make_member(f"Member {number}")
        Organization.objects.create(name=f"Organization {number}", slug=f"o-{number}")
    assert (asked(MEMBERS), asked(ORGANIZATIONS)) == before
