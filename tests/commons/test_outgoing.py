"""What the commons asks of others' servers: within its time, nowhere it must not, and once."""

import ipaddress
import socket
import ssl
import threading
import time

import pytest

from commons import outgoing
from tests.listening import Listening, certificate_for_localhost


@pytest.fixture
def server():
    with Listening() as listening:
        yield listening


def test_a_request_is_answered(server):
    server.answer(201, "Made.")
    assert outgoing.post(f"{server.address}/a?b=c", b"body", {"TTL": "60"}, anywhere=True) == (201, "", "Made.")
    [asked] = server.asked
    assert (asked.path, asked.body, asked.headers["TTL"]) == ("/a?b=c", b"body", "60")
    assert asked.headers["Host"] == server.address.removeprefix("http://")


def test_no_redirect_is_followed(server):
    server.answer(307, headers={"Location": f"{server.address}/elsewhere"})
    assert outgoing.post(server.address, b"", {}, anywhere=True).status == 307
    assert len(server.asked) == 1


def test_little_is_read_of_what_is_answered(server):
    server.answer(500, "x" * 1_000_000)
    assert outgoing.post(server.address, b"", {}, anywhere=True).text == "x" * outgoing.READ


@pytest.mark.parametrize("says", [b"HTTP/1.1 200 OK\r\nX: ", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"])
def test_a_server_that_answers_byte_by_byte_is_cut_off(monkeypatch, says):
    monkeypatch.setattr(outgoing, "SECONDS", 0.6)
    listening = socket.create_server(("127.0.0.1", 0))

    def drip():
        peer, _ = listening.accept()
        peer.sendall(says)
        try:
            for _ in range(100):
                peer.sendall(b"x")
                time.sleep(0.1)
        except OSError:
            pass

    threading.Thread(target=drip, daemon=True).start()
    since = time.monotonic()
    try:
        answer = outgoing.post(f"http://127.0.0.1:{listening.getsockname()[1]}/", b"", {}, anywhere=True)
        assert len(answer.text) < 20  # the text broke off; what came before it stands
    except outgoing.NotReached:
        pass
    assert time.monotonic() - since < 3
    listening.close()


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1/",
        "https://localhost:8000/",
        "https://10.1.2.3/",
        "https://192.168.0.1/",
        "https://169.254.169.254/latest/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[::1]/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://2130706433/",  # 127.0.0.1 in another way
        "https://0x7f.1/",
        "http://9.9.9.9/",  # not without TLS
        "ftp://9.9.9.9/",
        "https:///nothing",
    ],
)
def test_where_an_outsider_must_not_send_us(address):
    with pytest.raises(outgoing.Refused):
        outgoing.post(address, b"", {})


# Every block of IANA's registries of special-purpose addresses that is not "globally reachable", and those that were withdrawn
SPECIAL = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.0.0/29",
    "192.0.0.8/32",
    "192.0.0.170/31",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::1/128",
    "::/128",
    "::/96",
    "::ffff:10.0.0.0/104",
    "::ffff:0:10.0.0.0/104",
    "64:ff9b:1::/48",
    "64:ff9b::a00:0/104",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "2001:db8::/32",
    "2002:a00::/24",
    "2002:c0a8::/32",
    "2620:4f:8000::/48",
    "3fff::/20",
    "3ffe::/16",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
    "ff0e::/16",
]
PUBLIC = [
    "9.9.9.9",
    "1.0.0.1",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.88.98.255",
    "192.88.100.0",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2620:fe::9",
    "2001:200::1",
    "2a00:1450::1",
    "2400:cb00::1",
    "64:ff9b::909:909",
    "::ffff:9.9.9.9",
    "2002:909:909::1",
]


@pytest.mark.parametrize("block", SPECIAL)
def test_no_special_address_is_public(block):
    network = ipaddress.ip_network(block)
    for address in (network[0], network[-1], network[network.num_addresses // 2], network[network.num_addresses // 3]):
        assert not outgoing.is_public(str(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_what_stands_beside_them_is(address):
    assert outgoing.is_public(address)


def test_a_name_that_leads_inside_as_well_is_refused(monkeypatch):
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443)) for address in ("9.9.9.9", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(outgoing.Refused):
        outgoing.post("https://push.example/", b"", {})


@pytest.mark.parametrize(
    "address",
    [
        "https://no-such-name.invalid/",
        "https://[half/",
        "https://a:b/",
        f"https://{'a' * 300}.example/",
        "http://127.0.0.1:9/",
    ],
)
def test_what_cannot_be_reached_is_said_in_words(address):
    with pytest.raises(outgoing.NotReached) as said:
        outgoing.post(address, b"", {}, anywhere=True)
    assert str(said.value).endswith(".")


def test_over_tls_a_server_must_be_who_it_says(server, tmp_path, monkeypatch):
    certificate = certificate_for_localhost(tmp_path)
    there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    there.load_cert_chain(certificate)
    server.server.socket = there.wrap_socket(server.server.socket, server_side=True)
    port = server.server.server_port
    with pytest.raises(outgoing.NotReached, match="certificate verify failed"):
        outgoing.post(f"https://localhost:{port}/", b"", {}, anywhere=True)
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(outgoing, "_tls", lambda: trusting)
    assert outgoing.post(f"https://localhost:{port}/", b"", {}, anywhere=True).status == 201
    with pytest.raises(outgoing.NotReached, match="not valid for '127"):
        outgoing.post(f"https://127.0.0.1:{port}/", b"", {}, anywhere=True)
