"""Moderators keep the taxonomy in the admin; what they change is written down, and shows everywhere."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from commons.activity.models import Activity, Verb
from knowledge import jobs
from knowledge.topics.actions import keep_area
from knowledge.topics.models import IssueArea
from tests.make import area


def form_of(found: IssueArea, **changes):
    return {
        "name": found.name,
        "parent": found.parent_id or "",
        "description": found.description,
        "position": found.position,
        "sdgs": ",".join(map(str, found.sdgs)),
        "pcs": found.pcs,
        **changes,
    }


def test_a_moderator_changes_an_area_in_the_admin(signed_in, client, mona, post):
    browser, found = signed_in(mona), area()
    client.get("/"), client.get(post.get_absolute_url())
    path = f"/admin/knowledge/issuearea/{found.pk}/change/"
    assert browser.get(path).status_code == 200
    assert browser.post(path, form_of(found, name="Without a home")).status_code == 302
    assert Activity.objects.filter(verb=Verb.KEPT_ISSUE_AREA, by=mona, subject_id=found.pk).count() == 1
    jobs.follow_rename("area", found.pk)
    for address in (
        "/",
        "/issue-areas/",
        "/issue-areas/homelessness/",
        "/issue-areas/housing/",
        post.get_absolute_url(),
    ):
        assert "Without a home" in client.get(address).content.decode()


def test_an_areas_address_stays(signed_in, mona):
    found = area()
    signed_in(mona).post(f"/admin/knowledge/issuearea/{found.pk}/change/", form_of(found, slug="elsewhere"))
    assert area("homelessness") == found


def test_there_is_no_third_level(signed_in, mona):
    with pytest.raises(ValidationError, match="two levels"):
        keep_area(IssueArea(name="Below", slug="below", parent=area("homelessness"), description="Too deep."), by=mona)
    answer = signed_in(mona).post(
        "/admin/knowledge/issuearea/add/",
        {"name": "Below", "slug": "below", "parent": area().pk, "description": "Too deep.", "position": 0},
    )
    assert answer.status_code == 200
    assert "two levels" in answer.content.decode()
    assert not IssueArea.objects.filter(slug="below").exists()


def test_only_moderators_keep_areas(signed_in, alice):
    with pytest.raises(PermissionDenied):
        keep_area(area(), by=alice)
    assert signed_in(alice).get("/admin/knowledge/issuearea/").status_code in (302, 403, 404)


def test_no_page_of_the_admin_sets_a_rung(signed_in, mona, post):
    browser = signed_in(mona)
    assert browser.get(f"/admin/knowledge/post/{post.pk}/change/").status_code == 404
    assert browser.get("/admin/").status_code == 200
