"""The site's name is SITE_URL's, whatever a request calls it."""

import gzip

import pytest
from django.test import Client

from commons.settings import _host
from knowledge.stored import kept


@pytest.mark.parametrize("path", ["/", "/feed.atom"])
def test_a_page_is_kept_once_whatever_the_site_is_called(post, path):
    answers = []
    for host in ("localhost", "LOCALHOST", "localhost:1", "localhost:2", "localhost.", "127.0.0.1"):
        answer = Client().get(path, headers={"host": host, "accept-encoding": "gzip"})
        body = gzip.decompress(answer.content) if answer.get("Content-Encoding") == "gzip" else answer.content
        answers.append((answer.status_code, answer["ETag"], body))
    assert len(set(answers)) == 1
    assert len([key for key in kept.pages.things if "gzip" not in key]) == 1
    assert len(kept.listings.things) == 1


def test_a_host_that_is_not_ours_is_refused_also_for_what_is_kept(post):
    tag = Client().get("/")["ETag"]
    assert Client().get("/", headers={"host": "localhost:7", "if-none-match": tag}).status_code == 304
    assert Client().get("/", headers={"host": "elsewhere.example", "if-none-match": tag}).status_code == 400


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("Commons.Example.org", "commons.example.org"),
        (" commons.example.org. ", "commons.example.org"),
        ("commons.example.org:8443", "commons.example.org"),
        (".example.org", ".example.org"),
        ("[::1]:8000", "[::1]"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("ana:secret@commons.example.org:80", "commons.example.org"),
        ("", ""),
    ],
)
def test_a_host_is_named_as_requests_are_compared_with_it(written, host):
    assert _host(written) == host
