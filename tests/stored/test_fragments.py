"""A fragment is made once, and never shown after what it shows has changed."""

from django.db import connection

from knowledge.stored.fragments import fragments, stale


def made(text):
    return lambda ids: {pk: f"{text} {pk}" for pk in ids}


def test_a_fragment_is_made_once(db):
    assert fragments("card", [1, 2], made("first")) == {1: "first 1", 2: "first 2"}
    assert fragments("card", [2, 1], made("second")) == {2: "first 2", 1: "first 1"}


def test_a_stale_one_is_made_anew_and_the_others_are_kept(db):
    fragments("card", [1, 2], made("first"))
    stale("card", [2])
    assert fragments("card", [1, 2], made("second")) == {1: "first 1", 2: "second 2"}


def test_what_a_reader_made_from_the_past_never_passes_for_fresh(db):
    """A verb commits while a reader is rendering: the reader's text is from before, and must not be kept as fresh."""

    def slow(ids):
        stale("card", ids)  # the verb, in between
        return dict.fromkeys(ids, "from before")

    assert fragments("card", [1], slow) == {1: "from before"}
    assert fragments("card", [1], made("after")) == {1: "after 1"}


def test_an_older_text_does_not_replace_a_newer_one(db):
    def slow(ids):
        stale("card", ids)
        fragments("card", ids, made("newer"))  # another reader, faster
        return dict.fromkeys(ids, "older")

    fragments("card", [1], slow)
    assert fragments("card", [1], made("again")) == {1: "newer 1"}


def test_another_renderer_makes_all_anew(db):
    fragments("card", [1], made("first"))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE knowledge_fragment SET renderer = 'older'")
    assert fragments("card", [1], made("second")) == {1: "second 1"}


def test_many_cost_two_queries(db, django_assert_num_queries):
    with django_assert_num_queries(2):
        fragments("card", range(1, 101), made("first"))
    with django_assert_num_queries(1):
        fragments("card", range(1, 101), made("second"))
