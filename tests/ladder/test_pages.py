"""What the pages of a post with a long record cost: the same, however long it is."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from knowledge.comments.actions import answer_challenge
from knowledge.evidence.actions import Piece, add_evidence
from knowledge.evidence.actions import withdraw_evidence as take_back
from knowledge.ladder.actions import AfterAction, set_aside
from knowledge.ladder.vetting import answer_request, withdraw_vetting
from knowledge.posts.lineage import link
from knowledge.posts.models import LinkKind
from knowledge.stored import kept
from tests.ladder.test_vetting import next_version
from tests.make import make_comment, make_post, make_ready, make_report, make_review, make_reviewer, make_vetting


def grow(post, alice, times: int) -> None:
    """So many of each thing that can be on a post's page."""
    for number in range(times):
        reviewer, doubter = make_reviewer(), make_reviewer(verified=False)
        piece = add_evidence(post, Piece(f"Seen {number}.", producer="Millrace Fund", source="Page 3"), by=alice)
        add_evidence(post, Piece(f"Counted {number}.", source="A folder"), by=alice)
        take_back(piece, by=alice, why="Of another programme.")
        make_report(post, reviewer, works_when=f"it rains {number}")
        challenge = make_comment(post, reviewer, f"Really {number}?", kind="challenge")
        make_comment(post, doubter, f"And really {number}?", kind="challenge")
        answer_challenge(challenge, by=alice, body="Yes.")
        earlier = make_vetting(post, alice)
        make_review(earlier, reviewer, relation="partner")
        withdraw_vetting(earlier, by=alice, why="Too early.")
        next_version(post, alice)
        ground, heir = make_post(alice, f"Ground {number}"), make_post(alice, f"Heir {number}")
        link(post, ground, LinkKind.BUILDS_ON, by=alice)
        link(ground, make_post(alice, f"Older {number}"), LinkKind.BUILDS_ON, by=alice)
        link(heir, post, LinkKind.CONTRADICTS, by=alice)
        set_aside(ground, by=alice, why="It fell.", lesson=AfterAction("a", "b", "c", "d"))
    vetting = make_vetting(post, alice)
    for number in range(times):
        make_review(vetting, make_reviewer(), relation="partner")
        asked = make_review(vetting, make_reviewer(), "more")
        next_version(post, alice)
        answer_request(asked, by=alice, words=f"In table {number}.")
        make_review(vetting, make_reviewer(), "more")


def cost(client, path: str) -> tuple[int, int]:
    """Queries of a page when everything on it must be made anew, and when all was kept."""
    counts = []
    for _ in range(2):
        kept.pages.things.clear()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        counts.append(len(queries))
    return counts[0], counts[1]


def all_costs(client, signed_in, alice, charlie, times: int) -> list[tuple[int, int]]:
    post = make_ready(alice, title=f"With {times} of each")
    grow(post, alice, times)
    post.refresh_from_db()
    path = post.get_absolute_url()
    return [
        cost(client, path),
        cost(signed_in(alice), path),
        cost(signed_in(alice), f"{path}standing/"),
        cost(signed_in(charlie), f"{path}review/"),
        (0, cost(client, "/")[1]),  # how many of its cards must be made anew depends on the lists shown before
        (0, cost(signed_in(alice), "/")[1]),
        (0, cost(client, "/issue-areas/homelessness/")[1]),
    ]


@pytest.mark.slow
def test_a_long_record_costs_no_more_than_a_short_one(client, signed_in, alice, charlie):
    all_costs(client, signed_in, alice, charlie, 1)  # what is made once in this process
    few = all_costs(client, signed_in, alice, charlie, 2)
    many = all_costs(client, signed_in, alice, charlie, 6)
    assert few == many
    (made_anew, was_kept), (_, members), *_ = few
    assert (made_anew, was_kept, members) == (34, 2, 6)
