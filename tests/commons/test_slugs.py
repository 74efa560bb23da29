"""Whatever makes an address of words has a last resort, and keeps within its column."""

from importlib import import_module

import pytest
from django.apps import apps

from accounts.members.models import free_handle
from accounts.organizations.actions import found
from commons import gate
from commons.slugs import slug_of
from knowledge.topics.gazetteer import _claim
from knowledge.topics.models import Tag
from tests.make import make_post

# Nothing of these is a letter or a figure that an address takes
WORDLESS = [".", "🏠", "?", "- -", "__", "…", "\u0301", "//", "%"]


@pytest.mark.parametrize("words", [*WORDLESS, "京都"])
def test_words_without_a_latin_letter_have_a_last_resort(words):
    assert slug_of(words, limit=20, fallback="thing") == "thing"


def test_a_slug_keeps_within_its_column_and_ends_in_a_letter():
    assert slug_of("ﷺ" * 50, limit=100, fallback="tag", allow_unicode=True).count("صلى") > 1
    assert len(slug_of("ﷺ" * 50, limit=100, fallback="tag", allow_unicode=True)) <= 100
    assert slug_of("aaaa-bbbb", limit=5, fallback="thing") == "aaaa"


@pytest.mark.parametrize("word", [*WORDLESS, "ﷺ" * gate.TAG, "a" * gate.TAG])
def test_a_tag_has_a_page_whatever_its_word(client, alice, word):
    post = make_post(alice, tags=[word])
    assert Tag.objects.get().slug
    assert client.get(post.get_absolute_url()).status_code == 200
    page = client.get(Tag.objects.get().get_absolute_url())
    assert post.title in page.content.decode()
    assert client.get(f"{Tag.objects.get().get_absolute_url()}feed.atom").status_code == 200


def test_tags_without_letters_are_told_apart(client, alice):
    make_post(alice, tags=WORDLESS)
    make_post(alice, tags=["tag"])
    slugs = list(Tag.objects.values_list("slug", flat=True))
    assert len(set(slugs)) == len(WORDLESS) + 1
    assert all(slugs)


@pytest.mark.parametrize("words", WORDLESS)
def test_organizations_posts_and_members_have_an_address_whatever_their_names(client, alice, words):
    organization = found(by=alice, name=words, kind="nonprofit", description="", website="", language="en")
    assert client.get(organization.get_absolute_url()).status_code == 200
    assert client.get(make_post(alice, words).get_absolute_url()).status_code == 200
    assert free_handle(words).startswith("member")


def test_two_places_without_letters_do_not_share_an_address():
    taken: set[str] = set()
    assert [_claim(taken, "", "12"), _claim(taken, "", "13")] == ["place", "place-13"]


def test_a_tag_that_had_no_address_gets_one(db):
    Tag.objects.bulk_create([Tag(name=".", slug=""), Tag(name="tag", slug="tag"), Tag(name="tag 1", slug="tag_1")])
    import_module("knowledge.migrations.0020_no_empty_slugs").mend(apps, None)
    assert dict(Tag.objects.values_list("name", "slug")) == {".": "tag_2", "tag": "tag", "tag 1": "tag_1"}
