"""Web Push: messages as the RFCs have them, and keys as they are kept."""

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.exceptions import ImproperlyConfigured
from py_vapid.utils import b64urldecode, b64urlencode

from commons import push
from tests.pushing import Device, claims_of

# The example of RFC 8291, section 5 and appendix A
OF_THE_RFC = Device(
    "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    private=b64urldecode(b"q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"),
    secret=b64urldecode(b"BTBZMqHH6r4Tts7J_aSIgg"),
)
SENDER = b64urldecode(b"yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
SALT = b64urldecode(b"DGv6ra1nlYgDCS1FRnbzlw")
PLAIN = b"When I grow up, I want to be a watermelon"
BODY = (
    b"DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    b"mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    b"pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_the_rfc_to_the_byte():
    assert OF_THE_RFC.browser.p256dh == (
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    )
    sender = ec.derive_private_key(int.from_bytes(SENDER, "big"), push.CURVE)
    assert b64urlencode(push._encrypted(PLAIN, OF_THE_RFC.browser, sender, SALT)).encode() == BODY
    assert OF_THE_RFC.decrypt(b64urldecode(BODY)) == PLAIN


@pytest.mark.parametrize("length", [1, 100, push.MOST])
def test_only_its_browser_reads_a_message(length):
    mine, other = Device("https://push.example/1"), Device("https://push.example/2")
    body = push.encrypted(b"x" * length, mine.browser)
    assert len(body) <= 4096  # what every push service takes
    assert mine.decrypt(body) == b"x" * length
    with pytest.raises(InvalidTag):
        other.decrypt(body)
    assert push.encrypted(b"x" * length, mine.browser) != body


def test_a_message_that_is_too_long_is_not_sent_short():
    with pytest.raises(ValueError, match="more than"):
        push.encrypted(b"x" * (push.MOST + 1), Device("https://push.example/1").browser)


def test_a_signature_is_for_one_push_service_and_for_hours(settings):
    settings.SITE_CONTACT = "hello@harbor.example"
    claims = claims_of(push.signed("https://push.example:8443/a/b?c"), key=push.public_key())
    assert (claims["aud"], claims["sub"]) == ("https://push.example:8443", "mailto:hello@harbor.example")


def test_a_key_that_is_none_is_named(settings):
    for key in ("", "AAAB", "A" * 43, "_" * 43, "!"):
        settings.VAPID_PRIVATE_KEY = key
        with pytest.raises(ImproperlyConfigured, match="VAPID_PRIVATE_KEY"):
            push.public_key()


def test_processes_that_start_at_once_agree_on_a_key_that_only_its_owner_reads(tmp_path):
    tell = "from django.conf import settings; from commons import push; print(settings.VAPID_PRIVATE_KEY, push.public_key())"
    environment = {**os.environ, "COMMONS_VAR": str(tmp_path / "new")}

    def start(_):
        return subprocess.run(
            [sys.executable, "-c", tell], env=environment, capture_output=True, text=True, check=True
        ).stdout

    with ThreadPoolExecutor(4) as several:
        said = set(several.map(start, range(4)))
    assert len(said) == 1
    kept = tmp_path / "new" / "vapid_key"
    assert kept.read_text() == said.pop().split()[0]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert sorted(path.name for path in kept.parent.iterdir()) == ["secret_key", "vapid_key"]


def test_the_environments_key_comes_first(tmp_path):
    key = push.fresh_key()
    environment = {**os.environ, "COMMONS_VAR": str(tmp_path), "VAPID_PRIVATE_KEY": key}
    tell = "import json; from django.conf import settings; print(json.dumps(settings.VAPID_PRIVATE_KEY))"
    said = subprocess.run([sys.executable, "-c", tell], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == key
    assert not (tmp_path / "vapid_key").exists()
