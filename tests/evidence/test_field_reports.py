""" "We tried this here": who may, what it wants, what the post makes of it."""

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from knowledge.evidence.actions import EvidenceIsGone, add_evidence, edit_report, withdraw_report
from knowledge.evidence.models import FieldReport, ReportVersion
from knowledge.ladder.record import record_of
from knowledge.posts.actions import withdraw
from tests.make import PIECE, account, make_member, make_organization, make_report

FORM = {
    "place": "Leeds, United Kingdom",
    "began": "2025-03-01",
    "ended": "2025-09-30",
    "served": "31 families with vouchers",
    "outcome": "mixed",
    "account": "Small landlords said yes on the day. Letting agents cannot.",
    "differently": "Deposits held by a scheme.",
    "works_when": "the landlord decides alone",
    "struggled_when": "an agent stands between",
    "tell": "Ask who decides first.",
}


@pytest.fixture
def quayside(charlie):
    return charlie.organizations.get()


def address(post) -> str:
    return f"{post.get_absolute_url()}field-report/"


def test_a_field_report_stands_on_the_post(client, signed_in, post, charlie, quayside):
    answer = signed_in(charlie).post(address(post), {**FORM, "organization": quayside.pk})
    made = FieldReport.objects.get()
    assert answer["Location"] == f"{post.get_absolute_url()}#report-{made.pk}"
    page = client.get(post.get_absolute_url()).content.decode()
    for words in ("1 mixed", "Quayside Partnership", "March to September 2025", "Leeds", "Ask who decides first."):
        assert words in page
    assert f'the landlord decides alone <a class="quiet" href="#report-{made.pk}">Quayside Partnership</a>' in page
    assert f'an agent stands between <a class="quiet" href="#report-{made.pk}">Quayside Partnership</a>' in page
    assert "1 field report" in client.get("/search/").content.decode()


def test_outcomes_are_counted_in_words(client, post, charlie, quayside):
    for outcome in ("worked", "no", "worked", "early"):
        make_report(post, charlie, outcome=outcome)
    assert "2 worked, 1 did not work, 1 too early" in client.get(post.get_absolute_url()).content.decode()


@pytest.mark.parametrize(("verified", "withdrawn", "counts"), [(True, False, 1), (False, False, 0), (True, True, 0)])
def test_it_counts_as_evidence_from_outside_of_a_verified_organization(
    post, charlie, quayside, verified, withdrawn, counts
):
    quayside.verified_at = timezone.now() if verified else None
    quayside.save()
    made = make_report(post, charlie)
    if withdrawn:
        withdraw_report(made, by=charlie, why="Counted twice.")
    record = record_of(post, post.shown)
    assert (record.evidence, record.outside, record.reports) == (counts, counts, counts)


def test_the_evidence_says_that_field_reports_count_too(client, post, alice, charlie, quayside):
    quayside.verified_at = timezone.now()
    quayside.save()
    add_evidence(post, PIECE, by=alice)
    make_report(post, charlie)
    assert "1 piece; 1 field report counts too<" in client.get(post.get_absolute_url()).content.decode()


@pytest.mark.parametrize("verified", [True, False])
def test_whoever_reports_is_told_whether_it_counts(signed_in, post, charlie, quayside, verified):
    quayside.verified_at = timezone.now() if verified else None
    quayside.save()
    answer = signed_in(charlie).post(address(post), {**FORM, "organization": quayside.pk}, follow=True)
    page = answer.content.decode()
    assert "counts as evidence from outside" in page
    assert ("once your organization is verified" in page) is not verified


@pytest.mark.parametrize(("who", "code"), [("charlie", 200), ("alice", 403), ("carla", 403), ("mona", 302)])
def test_who_may_say_how_it_went(signed_in, request, post, quayside, who, code):
    answer = signed_in(request.getfixturevalue(who)).get(address(post))
    assert answer.status_code == code
    if code == 302:
        assert answer["Location"] == f"/organizations/new/?next={address(post)}"


def test_a_member_of_both_organizations_does_not_report_on_their_own_post(post, alice, organization):
    other = make_organization(alice)
    with pytest.raises(PermissionDenied):
        make_report(post, alice, organization=other)


def test_one_reports_only_for_an_organization_one_publishes_for(signed_in, post, charlie):
    answer = signed_in(charlie).post(address(post), {**FORM, "organization": make_organization().pk})
    assert answer.status_code == 422
    assert "Choose an organization that you publish for." in answer.content.decode()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"place": ""}, "Say where you tried it"),
        ({"place": "Nowhereville-on-Sea"}, "We do not know"),
        ({"began": ""}, "Say since when"),
        ({"began": "last spring"}, "Write the day as 2025-03-31"),
        ({"began": "0001-01-01"}, "Check the year"),
        ({"ended": "2025-02-28"}, "It ends before it began on 2025-03-01"),
        ({"ended": "2150-01-01"}, "This day is yet to come"),
        ({"served": ""}, "Say whom it served"),
        ({"served": "x" * 301}, "Cut 1."),
        ({"outcome": ""}, "Say how it went"),
        ({"outcome": "five stars"}, "Choose one of the four"),
        ({"account": ""}, "Say in a few sentences"),
        ({"tell": "bell\x07"}, "after “bell”"),
    ],
)
def test_bad_input_gets_a_clear_answer_and_changes_nothing(signed_in, post, charlie, quayside, changes, sentence):
    answer = signed_in(charlie).post(address(post), {**FORM, "organization": quayside.pk, **changes})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert FORM["works_when"] in page
    assert not FieldReport.objects.exists()


def test_what_changes_makes_a_version_and_the_earlier_one_stays(client, signed_in, post, charlie):
    made = make_report(post, charlie, outcome="early", account="Too early to say in May.")
    path = made.get_absolute_url()
    answer = signed_in(charlie).post(f"{path}edit/", {**FORM, "organization": made.organization_id})
    assert answer.status_code == 302
    assert list(made.versions.values_list("number", "outcome")) == [(1, "early"), (2, "mixed")]
    page = client.get(post.get_absolute_url()).content.decode()
    assert "Too early to say in May." not in page
    assert FORM["account"] in page
    both = client.get(path).content.decode()
    assert "Too early to say in May." in both
    assert FORM["account"] in both


def test_saying_the_same_again_makes_no_version(post, charlie):
    made = make_report(post, charlie)
    edit_report(made, account(), by=charlie)
    assert ReportVersion.objects.count() == 1


def test_only_its_organization_changes_or_withdraws_it(signed_in, post, charlie, alice):
    made = make_report(post, charlie)
    other = make_member()
    make_organization(other)
    for who in (alice, other):
        for verb in ("edit", "withdraw"):
            assert signed_in(who).get(f"{made.get_absolute_url()}{verb}/").status_code == 403
        with pytest.raises(PermissionDenied):
            edit_report(made, account(outcome="no"), by=who)
        with pytest.raises(PermissionDenied):
            withdraw_report(made, by=who, why="x")


def test_a_withdrawn_report_leaves_a_marker_with_its_reason(client, signed_in, post, charlie):
    made = make_report(post, charlie)
    signed_in(charlie).post(f"{made.get_absolute_url()}withdraw/", {"why": "We counted another programme."})
    page = client.get(post.get_absolute_url()).content.decode()
    assert made.shown.account not in page
    assert "Quayside Partnership withdrew its field report" in page
    assert "We counted another programme." in page
    assert made.shown.account not in client.get(made.get_absolute_url()).content.decode()
    with pytest.raises(EvidenceIsGone):
        withdraw_report(made, by=charlie, why="Again.")


def test_a_report_is_seen_by_who_sees_its_post(client, signed_in, post, alice, charlie):
    made = make_report(post, charlie)
    withdraw(post, by=alice)
    assert client.get(made.get_absolute_url()).status_code == 404
    with pytest.raises(PermissionDenied):
        edit_report(made, account(outcome="no"), by=charlie)
    assert signed_in(charlie).post(address(post), FORM).status_code == 410


@pytest.mark.parametrize(
    ("began", "ended", "words"),
    [
        ((2025, 3, 1), (2025, 9, 30), "March to September 2025"),
        ((2024, 11, 1), (2025, 2, 28), "November 2024 to February 2025"),
        ((2025, 3, 1), (2025, 3, 31), "March 2025"),
        ((2025, 3, 1), None, "Since March 2025"),
    ],
)
def test_its_period_is_said_in_words(began, ended, words):
    assert ReportVersion(began=dt.date(*began), ended=ended and dt.date(*ended)).period == words
