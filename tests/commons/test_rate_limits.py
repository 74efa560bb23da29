"""How often something may happen: counted exactly, by many at once, never pushed out, by the network that asks."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from commons import rate_limits
from commons.clients import client_ip, client_network
from commons.pace import span
from commons.rate_limits import Rate, RateLimit, folded, hit
from knowledge import jobs

MINUTE = (Rate(3, dt.timedelta(minutes=1)),)


def at_once(number: int, act) -> list:
    """What came of an act done so many times at once, each on a connection of its own."""

    def turn(which: int):
        try:
            return act(which)
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(turn, range(number)))


def test_so_many_and_no_more(db):
    assert [hit(MINUTE, "door", "ana") is None for _ in range(5)] == [True] * 3 + [False] * 2
    assert hit(MINUTE, "door", "bob") is None


def test_it_goes_on_when_the_first_is_old_enough(db, monkeypatch):
    now = timezone.now()
    for second in (0, 20, 40):
        monkeypatch.setattr(rate_limits.timezone, "now", lambda second=second: now + dt.timedelta(seconds=second))
        assert hit(MINUTE, "door") is None
    exceeded = hit(MINUTE, "door")
    assert exceeded is not None
    assert exceeded.until == now + dt.timedelta(seconds=60)
    assert exceeded.seconds == 20
    monkeypatch.setattr(rate_limits.timezone, "now", lambda: now + dt.timedelta(seconds=61))
    assert hit(MINUTE, "door") is None
    assert hit(MINUTE, "door") is not None


def test_the_longer_of_two_rates_holds_too(db, monkeypatch):
    rates, now = (*MINUTE, Rate(4, dt.timedelta(days=1))), timezone.now()
    taken = []
    for minute in (0, 0, 0, 2, 4):
        monkeypatch.setattr(rate_limits.timezone, "now", lambda minute=minute: now + dt.timedelta(minutes=minute))
        taken.append(hit(rates, "door"))
    assert [exceeded is None for exceeded in taken] == [True] * 4 + [False]
    assert taken[-1].rate == rates[1]


def test_a_clock_that_ran_ahead_keeps_nobody_out(db, monkeypatch):
    now = timezone.now()
    monkeypatch.setattr(rate_limits.timezone, "now", lambda: now + dt.timedelta(days=35))
    assert [hit(MINUTE, "door") is None for _ in range(4)] == [True] * 3 + [False]
    monkeypatch.setattr(rate_limits.timezone, "now", lambda: now)
    assert hit(MINUTE, "door") is None


def test_sixty_at_once(committed):
    assert sum(taken is None for taken in at_once(60, lambda _: hit(MINUTE, "door"))) == 3


def test_two_that_add_to_the_cache_at_once(committed):
    cache.set("known", "there", timeout=-1)  # one that has run out takes no part
    assert sum(at_once(20, lambda _: cache.add("lock", True, 60))) == 1
    assert sum(at_once(20, lambda _: cache.add("known", True, 60))) == 1


def test_nothing_in_force_is_pushed_out(db):
    cache.set("tries", [1.0, 2.0], timeout=300)
    hit(MINUTE, "door")
    for number in range(1_000):
        cache.set(f"other-{number}", [float(number)], timeout=60)
    assert cache.get("tries") == [1.0, 2.0]
    assert cache.get("other-0") == [0.0]
    assert [hit(MINUTE, "door") is None for _ in range(3)] == [True, True, False]


def test_the_cache_is_a_cache(db):
    assert cache.get("nothing", "default") == "default"
    cache.set("for-good", {"a": 1}, timeout=None)
    cache.set("gone", "x", timeout=-1)
    assert (cache.get("for-good"), cache.get("gone")) == ({"a": 1}, None)
    assert (cache.touch("for-good", 60), cache.touch("gone", 60)) == (True, False)
    assert cache.delete("for-good")
    assert cache.get("for-good") is None


def test_what_counts_no_more_is_thrown_away(db):
    hit(MINUTE, "door")
    hit((Rate(1, dt.timedelta(seconds=-1)),), "long ago")
    cache.set("long-ago", "x", timeout=-1)
    cache.set("lately", "x", timeout=60)
    jobs.tidy(0)
    assert RateLimit.objects.count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cache")
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_what_a_limit_counts_an_address_by(ip, network):
    assert client_network(ip) == network


@pytest.mark.parametrize(
    ("proxies", "forwarded", "ip"),
    [
        (0, "198.51.100.7", "192.0.2.1"),  # who asks may write there what they like
        (1, "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        (1, "203.0.113.9, ::ffff:198.51.100.7", "198.51.100.7"),
        (2, "198.51.100.7", "192.0.2.1"),
        (1, "nonsense", "192.0.2.1"),
    ],
)
def test_who_asks_is_what_our_own_proxy_saw(settings, proxies, forwarded, ip):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_ip(request) == ip


@pytest.mark.parametrize(
    "address",
    ["Ana.Silva@people.example", " ANA.SILVA@PEOPLE.EXAMPLE", "ana.ſilva@people.example", "ana.sılva@people.example"],
)
def test_however_an_address_is_written_it_is_one(address):
    assert folded(address) == folded("ana.silva@people.example")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "a minute"),
        (60, "a minute"),
        (61, "2 minutes"),
        (3600, "an hour"),
        (5400, "90 minutes"),
        (7201, "3 hours"),
        (86400, "a day"),
        (86401, "25 hours"),
        (3 * 86400, "3 days"),
    ],
)
def test_how_long_in_words(seconds, words):
    assert span(seconds) == words
