"""Founding an organization on the way to the first post, and changing what it says of itself."""

import re
import uuid

import pytest
from django.test import Client
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.members.models import Member
from accounts.organizations import actions
from accounts.organizations.models import Membership, Organization, Role
from accounts.organizations.permissions import can_manage, can_publish_for
from commons import queue
from commons.activity.models import Activity, Verb
from tests.make import PASSWORD, join, make_member

NEW = "/organizations/new/"
FERNHILL = {
    "name": "Fernhill Food Table",
    "kind": "network",
    "description": "Bread and soup, three evenings a week.",
    "website": "",
    "language": "en",
}
ELSEWHERE = ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:alert(1)"]


@pytest.fixture
def ana(db) -> Member:
    return make_member("Ana Silva", handle="ana")


@pytest.fixture
def browser(signed_in, ana) -> Client:
    return signed_in(ana)


def fernhill(**changes):
    return {**FERNHILL, "key": str(uuid.uuid4()), **changes}


def words_of(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def followed() -> list[dict]:
    """What jobs are to make anew."""
    return list(
        ProcrastinateJob.objects.filter(task_name=queue.FOLLOW_RENAME).order_by("pk").values_list("args", flat=True)
    )


# Founding


def test_founding_makes_the_founder_its_owner_and_writes_one_fact(browser, ana):
    stamp = ana.personal_stamp
    answer = browser.post(NEW, fernhill(website="fernhill.example"))
    fernhill_table = Organization.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, "/organizations/fernhill-food-table/")
    assert fernhill_table.website == "https://fernhill.example"
    assert fernhill_table.verified_at is None
    assert list(Membership.objects.values_list("member", "organization", "role")) == [
        (ana.pk, fernhill_table.pk, Role.OWNER)
    ]
    fact = Activity.objects.get()
    assert (fact.verb, fact.by, fact.organization, fact.subject_kind, fact.subject_id) == (
        Verb.FOUNDED, ana, fernhill_table, "organization", fernhill_table.pk,
    )  # fmt: skip
    ana.refresh_from_db()
    assert ana.personal_stamp > stamp
    assert followed() == [{"kind": "member", "pk": ana.pk}]


def test_founding_stands_on_the_way_to_the_first_post(browser):
    answer = browser.get("/posts/new/")
    assert answer["Location"] == "/organizations/new/?next=/posts/new/"
    page = browser.get(answer["Location"])
    assert "First, who is publishing?" in words_of(page)
    answer = browser.post("/organizations/new/?next=/posts/new/", fernhill())
    assert answer["Location"] == "/posts/new/"
    page = browser.get("/posts/new/")
    assert page.status_code == 200
    assert "Fernhill Food Table" in words_of(page)


def test_what_was_written_before_there_was_an_organization_is_not_lost(browser):
    browser.post("/posts/new/", {"title": "Typed too early", "body": "Twice this week."})
    browser.post("/organizations/new/?next=/posts/new/", fernhill())
    assert "Typed too early" in browser.get("/posts/new/").content.decode()


def test_a_member_can_have_several(browser, ana):
    browser.post(NEW, fernhill())
    browser.post(NEW, fernhill(name="Quay Street Readers"))
    assert ana.organizations.count() == 2


def test_the_form_sent_twice_founds_one(browser):
    form = fernhill()
    addresses = [browser.post(NEW, form)["Location"] for _ in range(2)]
    assert addresses == ["/organizations/fernhill-food-table/"] * 2
    assert (Organization.objects.count(), Membership.objects.count(), Activity.objects.count()) == (1, 1, 1)


def test_a_form_without_a_readable_key_still_founds(browser):
    assert browser.post(NEW, fernhill(key="no key")).status_code == 302
    assert browser.post(NEW, FERNHILL).status_code == 302
    assert Organization.objects.count() == 2


def test_a_key_of_somebody_else_is_no_key(browser, signed_in, bob):
    form = fernhill()
    browser.post(NEW, form)
    signed_in(bob).post(NEW, form)
    assert Organization.objects.filter(name=FERNHILL["name"]).count() == 2


def test_two_of_one_name_have_addresses_of_their_own(browser):
    browser.post(NEW, fernhill())
    answer = browser.post(NEW, fernhill())
    assert re.fullmatch(r"/organizations/fernhill-food-table-[a-z0-9]{4}/", answer["Location"])
    assert browser.get(answer["Location"]).status_code == 200


@pytest.mark.parametrize("name", ["New", "new", "NEW!", "  new  "])
def test_an_organization_called_new_does_not_stand_in_the_way_of_the_form(browser, name):
    browser.post(NEW, fernhill(name=name))
    assert re.fullmatch(r"new-[a-z0-9]{4}", Organization.objects.get().slug)
    assert "Add your organization" in words_of(browser.get(NEW))


@pytest.mark.parametrize("name", ["希望之家", "!!!", "Ünïcødé Häus", "n" * 120, "a/b?c#d", "-", "feed.atom"])
def test_every_name_gives_an_address_that_answers(browser, name):
    answer = browser.post(NEW, fernhill(name=name))
    assert answer.status_code == 302
    organization = Organization.objects.get()
    assert organization.name == name
    assert browser.get(organization.get_absolute_url()).status_code == 200
    assert browser.get(f"{organization.get_absolute_url()}edit/").status_code == 200


WRONG = [
    ("name", "", "Write the name of your organization."),
    ("name", "  \u200b ", "Write the name of your organization."),
    ("name", "n" * 121, "This is 121 characters"),
    ("name", "Fern\x07hill", "U+0007"),
    ("name", "Fern\u202ehill", "U+202E"),
    ("name", "Fern" + "\u0301" * 50, "marks on one letter"),
    ("kind", "", "Choose one of the list."),
    ("kind", "conglomerate", "That is not in the list."),
    ("description", "", "Say in a sentence what your organization does."),
    ("description", "d" * 2001, "This is 2,001 characters"),
    ("description", "a\x00b", ""),
    ("website", "not a site", "That is not the address of a website."),
    ("website", "javascript:alert(1)", "That is not the address of a website."),
    ("website", "javascript://elsewhere.example/%0aalert(1)", "That is not the address of a website."),
    ("website", "https://name:word@elsewhere.example/", "That is not the address of a website."),
    ("website", "https://elsewhere.example/" + "x" * 300, "This is 326 characters"),
    ("language", "", "Choose one of the list."),
    ("language", "tlh", "That is not in the list."),
]


@pytest.mark.parametrize(("field", "typed", "words"), WRONG)
def test_what_is_wrong_is_said_beside_its_field_and_the_rest_is_kept(browser, field, typed, words):
    answer = browser.post(NEW, fernhill(**{field: typed}))
    assert words in words_of(answer)
    if "\x00" in typed:
        assert answer.status_code == 400
    else:
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
        assert (FERNHILL["description"] in words_of(answer)) == (field != "description")
        assert (f'value="{FERNHILL["name"]}"' in answer.content.decode()) == (field != "name")
        assert '<option value="network" selected>' in answer.content.decode() or field == "kind"
    assert not Organization.objects.exists()
    assert not Activity.objects.exists()


def test_fields_that_the_form_does_not_have_change_nothing(browser):
    browser.post(NEW, fernhill(verified_at="2026-01-01", slug="mine", founded_at="1900-01-01", role="owner"))
    organization = Organization.objects.get()
    assert organization.verified_at is None
    assert organization.slug == "fernhill-food-table"


def test_who_is_not_signed_in_is_sent_to_sign_in_and_keeps_what_was_typed(client, ana):
    assert client.get(NEW)["Location"] == "/accounts/login/?next=/organizations/new/"
    client.post(f"{NEW}?next=/posts/new/", fernhill())
    assert not Organization.objects.exists()
    answer = client.post(
        "/accounts/login/", {"login": ana.email, "password": PASSWORD, "next": "/organizations/new/?next=/posts/new/"}
    )
    assert answer["Location"] == "/organizations/new/?next=/posts/new/"
    page = client.get(answer["Location"])
    assert f'value="{FERNHILL["name"]}"' in page.content.decode()
    assert not page.context["form"].errors


@pytest.mark.parametrize("onward", ELSEWHERE)
def test_nobody_is_sent_elsewhere(browser, onward):
    answer = browser.post(f"{NEW}?next={onward}", fernhill())
    assert answer["Location"] == "/organizations/fernhill-food-table/"
    assert "on to what you came for" not in words_of(browser.get(f"{NEW}?next={onward}"))


def test_a_closed_account_founds_nothing(ana, signed_in):
    browser = signed_in(ana)
    Member.objects.filter(pk=ana.pk).update(is_active=False)
    assert browser.post(NEW, fernhill()).status_code == 302
    assert not Organization.objects.exists()


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_only_reading_and_sending(browser, organization, method):
    for path in (NEW, f"{organization.get_absolute_url()}edit/"):
        assert getattr(browser, method)(path).status_code == 405


# Changing


@pytest.mark.parametrize(
    ("who", "code"), [("alice", 302), ("bob", 403), ("carla", 403), ("charlie", 403), ("mona", 403)]
)
def test_its_owners_alone_change_it(signed_in, request, organization, alice, who, code):
    path = f"{organization.get_absolute_url()}edit/"
    browser = signed_in(request.getfixturevalue(who))
    assert browser.get(path).status_code == (200 if code == 302 else code)
    answer = browser.post(path, {**FERNHILL, "name": "Harbor Street Housing"})
    assert answer.status_code == code
    organization.refresh_from_db()
    assert (organization.name == "Harbor Street Housing") == (code == 302)
    if code == 403:
        assert "Its owners alone" in words_of(answer)


def test_without_an_account_one_is_sent_to_sign_in(client, organization):
    path = f"{organization.get_absolute_url()}edit/"
    for answer in (client.get(path), client.post(path, FERNHILL)):
        assert answer["Location"] == f"/accounts/login/?next={path}"


def test_one_that_is_not_there_is_not_found(browser):
    assert browser.get("/organizations/nowhere/edit/").status_code == 404
    assert browser.post("/organizations/nowhere/edit/", FERNHILL).status_code == 404


def test_a_change_keeps_the_address_writes_one_fact_and_is_followed(signed_in, alice, organization):
    browser = signed_in(alice)
    path = f"{organization.get_absolute_url()}edit/"
    assert f'value="{organization.name}"' in browser.get(path).content.decode()
    for _ in range(2):  # sent twice, done once
        assert browser.post(path, FERNHILL)["Location"] == organization.get_absolute_url()
    organization.refresh_from_db()
    assert (organization.name, organization.slug) == (FERNHILL["name"], "harbor-street")
    fact = Activity.objects.get()
    assert (fact.verb, fact.by, fact.subject_id) == (Verb.CHANGED_ORGANIZATION, alice, organization.pk)
    assert followed() == [{"kind": "organization", "pk": organization.pk}]


@pytest.mark.parametrize(("field", "typed", "words"), [case for case in WRONG if "\x00" not in case[1]])
def test_a_change_is_held_to_the_same(signed_in, alice, organization, field, typed, words):
    before = Organization.objects.values().get(pk=organization.pk)
    answer = signed_in(alice).post(f"{organization.get_absolute_url()}edit/", {**FERNHILL, field: typed})
    assert answer.status_code == 422
    assert words in words_of(answer)
    assert Organization.objects.values().get(pk=organization.pk) == before
    assert not Activity.objects.exists()


def test_nothing_is_left_of_a_founding_that_fails_half_way(ana, monkeypatch):
    def broken(*_args, **_more):
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(actions, "record", broken)
    with pytest.raises(RuntimeError):
        actions.found(by=ana, **FERNHILL)
    assert not Organization.objects.exists()
    assert not Membership.objects.exists()
    assert followed() == []


# Roles


@pytest.mark.parametrize(
    ("who", "publishes", "manages"),
    [
        ("alice", True, True),
        ("bob", True, False),
        ("carla", False, False),
        ("charlie", False, False),
        ("mona", False, False),
    ],
)
def test_what_each_role_may_do(request, organization, who, publishes, manages):
    member = request.getfixturevalue(who)
    assert can_publish_for(member, organization.pk) == publishes
    assert can_manage(member, organization) == manages


# What the pages ask of the database


def test_what_the_pages_ask_the_database(signed_in, alice, organization, django_assert_num_queries):
    browser = signed_in(alice)
    with django_assert_num_queries(2):  # session, member
        browser.get(NEW)
    with django_assert_num_queries(3):  # and the organization
        browser.get(f"{organization.get_absolute_url()}edit/")


def test_the_account_page_asks_no_more_for_many_organizations(signed_in, alice, bob, django_assert_num_queries):
    for number in range(5):
        join(alice, Organization.objects.create(name=f"Organization {number}", slug=f"o-{number}"), Role.EDITOR)
    browser = signed_in(alice)
    with django_assert_num_queries(3):  # session, member, memberships
        page = words_of(browser.get("/account/"))
    assert "Organization 4" in page
    assert page.count("Change what it says") == 1
