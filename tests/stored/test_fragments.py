"""A fragment is made once, and never shown after what it shows has changed."""

from django.db import connection

from commons import markup
from knowledge.stored.fragments import fragments, stale
from tests.make import make_comment, make_post


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


# What ran out of time is shown, and not kept


def test_a_text_that_ran_out_of_time_is_drawn_again(client, alice, monkeypatch):
    post = make_post(alice, body="We **saw** it.")
    make_comment(post, alice, "So **did** we.")
    pages = [post.get_absolute_url(), f"{post.get_absolute_url()}versions/1/", "/feed.atom", "/feed.json"]
    with monkeypatch.context() as slow:
        slow.setattr(markup, "SECONDS", 0.0)
        for path in pages:
            answer = client.get(path)
            assert "We **saw** it." in answer.content.decode(), path
            assert "no-store" in answer["Cache-Control"], path
            assert "ETag" not in answer, path
    for path in pages:
        text = client.get(path).content.decode().replace("&lt;", "<").replace("&gt;", ">")
        assert "We <strong>saw</strong> it." in text, path
        assert "**" not in text, path
