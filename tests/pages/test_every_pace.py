"""Every verb that keeps a pace, by its page: who does it too often is told so, nothing is done, and what they typed comes back."""

import ast
import datetime as dt
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.members import limits
from accounts.members.models import Member
from commons.activity.models import Activity
from commons.pace import Door, Pace, keep_pace, through
from commons.rate_limits import Rate
from knowledge.evidence.actions import add_evidence
from knowledge.ladder.actions import AfterAction, set_aside
from knowledge.posts.actions import publish_version
from knowledge.posts.drafts import begin_draft
from knowledge.posts.lineage import link
from knowledge.posts.models import Attachment, Conversion, Draft, LinkKind
from knowledge.posts.rungs import Rung
from tests.evidence.test_evidence import FORM as EVIDENCE
from tests.evidence.test_field_reports import FORM as FIELD_REPORT
from tests.ladder.test_vetting import FORM as REVIEW
from tests.ladder.test_vetting import next_version
from tests.make import (
    CASE,
    PIECE,
    area,
    content,
    make_comment,
    make_post,
    make_ready,
    make_report,
    make_review,
    make_reviewer,
    make_vetting,
)
from tests.pictures import picture

Sending = tuple[Member, str, dict[str, Any]]  # who sends it, where, and what they typed there
SENDINGS: dict[tuple[str, str], Callable[[Member], Sending]] = {}  # by the verb that it comes to, and its pace
WHY = {"why": "Five months, 41 moves."}
POST = {"title": "Rooms stand empty", "body": "We saw it in March.", "area": "eviction"}
ORGANIZATION = {"name": "Empty Rooms", "kind": "nonprofit", "description": "We house.", "language": "en"}
LESSON = {"expected": "More moves.", "happened": "As many.", "because": "The winter.", "next_time": "Begin in May."}


def meets(pace: str, verb: str) -> Callable[[Callable[[Member], Sending]], Callable[[Member], Sending]]:
    """This sending comes to a verb that keeps this pace."""

    def known(sending: Callable[[Member], Sending]) -> Callable[[Member], Sending]:
        SENDINGS[verb, pace] = sending
        return sending

    return known


def own(member: Member) -> int:
    return member.organizations.get().pk


def on(post, page: str) -> str:
    return f"{post.get_absolute_url()}{page}/"


@meets("POSTS", "publish")
def a_hunch(alice):
    return alice, "/posts/new/", {**POST, "rung": "hunch", "organization": own(alice)}


@meets("POSTS", "publish_emerging")
def an_approach(alice):
    seen = {"seen": "19 days became 6.", "seen_source": "Report, page 14"}
    return alice, "/posts/new/", {**POST, **CASE, **seen, "rung": "emerging", "organization": own(alice)}


@meets("VERSIONS", "publish_version")
def a_version(alice):
    return alice, on(make_post(alice), "edit"), {**POST, "base": 1, "note": "Counted anew."}


@meets("COMMENTS", "comment")
def a_comment(alice):
    return alice, on(make_post(alice), "comment"), {"body": "We see it in Hull."}


@meets("COMMENTS", "answer_challenge")
def an_answer_to_a_challenge(alice):
    challenge = make_comment(make_post(alice), make_reviewer(), kind="challenge")
    return alice, f"/comments/{challenge.pk}/answer/", {"body": "Because of the winter."}


@meets("COMMENTS", "comment_on_draft")
def a_comment_on_a_draft(alice):
    draft = begin_draft(by=alice, title="Keys", body="Nine in ten.")
    return alice, f"/drafts/{draft.pk}/comments/", {"body": "Ten, I say."}


@meets("EDITS", "edit_comment")
def a_comment_changed(alice):
    return alice, f"/comments/{make_comment(make_post(alice), alice).pk}/edit/", {"body": "We see it in Hull."}


@meets("EDITS", "edit_report")
def a_report_changed(alice):
    other = make_reviewer()
    made = make_report(make_post(alice), other)
    return other, f"/field-reports/{made.pk}/edit/", {**FIELD_REPORT, "organization": own(other)}


@meets("EDITS", "keep_aside")
def words_kept_aside(alice):
    return of_a_draft(alice, "theirs")


@meets("MOVES", "propose_draft")
def a_draft_proposed(alice):
    return of_a_draft(alice, "propose")


def of_a_draft(alice: Member, action: str) -> Sending:
    draft = begin_draft(by=alice, title="Keys", body="Nine in ten.", organization=own(alice))
    about = {"draft": draft.pk, "edition": draft.edition, "organization": own(alice), "action": action}
    return alice, "/posts/new/", {**POST, **about}


@meets("DRAFTS", "begin_draft")
def a_draft(alice):
    return alice, "/posts/new/", {**POST, "action": "save"}


@meets("EVIDENCE", "add_evidence")
def a_piece(alice):
    return alice, on(make_post(alice), "evidence"), EVIDENCE


@meets("EVIDENCE", "add_evidence_later")
def a_piece_with_a_picture(alice):
    hall = SimpleUploadedFile("hall.jpg", picture())
    return alice, on(make_post(alice), "evidence"), {**EVIDENCE, "link": "", "upload": hall}


@meets("FIELD_REPORTS", "report")
def a_report(alice):
    other = make_reviewer()
    return other, on(make_post(alice), "field-report"), {**FIELD_REPORT, "organization": own(other)}


@meets("REVIEWS", "review")
def a_review(alice):
    vetting = make_vetting(make_ready(alice), alice)
    return make_reviewer(), on(vetting.post, "review"), REVIEW


@meets("MOVES", "move_up")
def a_move_up(alice):
    post = make_post(alice)
    publish_version(post, content(case=CASE), by=alice, note="", base=1)
    add_evidence(post, PIECE, by=alice)
    return alice, on(post, "standing"), WHY


@meets("MOVES", "step_down")
def a_step_down(alice):
    return alice, on(make_post(alice, rung=Rung.EMERGING), "step-down"), {**WHY, "rung": "hunch"}


@meets("MOVES", "set_aside")
def a_post_set_aside(alice):
    return alice, on(make_post(alice), "set-aside"), {**WHY, **LESSON}


@meets("MOVES", "take_up")
def a_post_taken_up(alice):
    return alice, on(aside(make_post(alice), alice), "take-up"), WHY


def aside(post, by: Member):
    set_aside(post, by=by, why="It fell.", lesson=AfterAction("a", "b", "c", "d"))
    return post


@meets("MOVES", "still_holds")
def a_post_that_still_holds(alice):
    made = link(make_post(alice), make_post(alice, "The ground"), LinkKind.BUILDS_ON, by=alice)
    aside(made.to, alice)
    return alice, on(made.post, f"lineage/{made.pk}/still-holds"), WHY


@meets("MOVES", "link")
def a_link(alice):
    return alice, on(make_post(alice), "lineage"), {"kind": "builds_on", "to": str(make_post(alice, "Ground").number)}


@meets("MOVES", "unlink")
def a_link_taken_away(alice):
    made = link(make_post(alice), make_post(alice, "The ground"), LinkKind.BUILDS_ON, by=alice)
    return alice, on(made.post, "lineage"), {"end": made.pk}


@meets("MOVES", "expect_more")
def a_check_back_date(alice):
    day = timezone.localdate() + dt.timedelta(days=30)
    return alice, on(make_post(alice), "check-back"), {"on": f"{day}", "words": "Two more schools begin."}


@meets("MOVES", "open_vetting")
def a_vetting(alice):
    return alice, on(make_ready(alice), "vetting"), {"asks": "The months are not the same months.", "weeks": "2"}


@meets("MOVES", "answer_request")
def a_request_answered(alice):
    asked = make_review(make_vetting(make_ready(alice), alice), make_reviewer(), "more")
    next_version(asked.vetting.post, alice)
    return alice, f"/reviews/{asked.pk}/answer/", {"words": "In the second table."}


@meets("ORGANIZATIONS", "found")
def an_organization(alice):
    return alice, "/organizations/new/", ORGANIZATION


@meets("PROFILES", "change")
def an_organization_changed(alice):
    return alice, f"{alice.organizations.get().get_absolute_url()}edit/", ORGANIZATION


@meets("PROFILES", "change_profile")
def a_profile_changed(alice):
    return alice, "/account/profile/", {"name": "Alice Ade", "bio": "Rooms, mostly.", "time_zone": "UTC"}


@meets("FILES", "add_file")
def a_file(alice):
    return alice, "/attachments/", {"file": SimpleUploadedFile("report.pdf", b"%PDF-1.7 words")}


@meets("FILES", "begin_conversion")
def a_document(alice):
    return alice, "/drafts/open/", {"document": SimpleUploadedFile("notes.md", b"Nine in ten.")}


@meets("SUBSCRIPTIONS", "subscribe")
def a_subscription(alice):
    return alice, f"/subscribe/area/{area().pk}/", {"cadence": "daily"}


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.mark.parametrize(("verb", "pace"), SENDINGS, ids=lambda name: name)
def test_who_does_it_too_often_is_told_so_and_has_what_they_typed(signed_in, alice, monkeypatch, verb, pace):
    member, path, typed = SENDINGS[verb, pace](alice)
    most: Pace = getattr(limits, pace)
    for name in ("new", "settled"):
        monkeypatch.setitem(most.__dict__, name, (Rate(1, limits.DAY),))
    with through(Door.WEB):
        keep_pace(most, by=member)
    before = all_there_is()
    answer = signed_in(member).post(path, typed)
    page = answer.content.decode()
    assert answer.status_code == 429, page[page.find("<main") :][:2_000]
    assert f"You {most.did} 1 {most.one} within a day" in page
    assert all_there_is() == before
    for name, value in typed.items():
        if name != "action" and not isinstance(value, SimpleUploadedFile):
            assert escape(str(value)) in page, name


def all_there_is() -> list[int]:
    return [kind.objects.count() for kind in (Activity, Attachment, Conversion, Draft)]


def test_every_verb_that_keeps_a_pace_is_here_and_every_pace_is_kept():
    assert verbs_that_keep_a_pace() == set(SENDINGS)
    assert {pace for _, pace in SENDINGS} == {name for name, pace in vars(limits).items() if isinstance(pace, Pace)}


def verbs_that_keep_a_pace() -> set[tuple[str, str]]:
    """The functions of the tree that call `keep_pace`, each with the pace it names."""
    found = set()
    for floor in ("accounts", "knowledge"):
        for path in Path(settings.BASE_DIR, floor).rglob("*.py"):
            for verb in ast.walk(ast.parse(path.read_text())):
                if isinstance(verb, ast.FunctionDef):
                    calls = [node for node in ast.walk(verb) if isinstance(node, ast.Call)]
                    named = [call for call in calls if getattr(call.func, "id", "") == "keep_pace"]
                    found |= {(verb.name, ast.unparse(call.args[0])) for call in named}
    return found
