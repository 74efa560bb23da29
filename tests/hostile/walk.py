"""Walk the commons as several readers, and throw hostile values at every parameter of every route and every field of every form.

Routes are those of the URLconf; their addresses, and the forms, are found by following the links of the pages themselves, so
that what is added to the site is walked too. Each request is undone: the next meets the same commons.
"""

import contextlib
import re
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, quote_from_bytes, urljoin, urlsplit

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.http import HttpResponseBase, QueryDict
from django.test import Client
from django.test.client import MULTIPART_CONTENT
from django.urls import Resolver404, resolve
from django.utils.datastructures import MultiValueDict

from commons.logs import routes
from tests.hostile.values import HEADERS, HUGE, LONG, SHORT

SLOW = 3.0  # seconds
PER_ROUTE = 1  # addresses of each route, for each reader
PAGES_MOST = 400  # that are read to find them, for each reader
PART = re.compile(r"<(?:(\w+):)?(\w+)>")
GROUP = re.compile(r"\(\?P<(\w+)>[^()]*(?:\([^()]*\)[^()]*)*\)")
FILL = {"number": "1", "form": "atom", "path": "1", "int": "1", "slug": "x", "str": "x", "secret": "x", "": "x"}
KINDS = [
    "application/json",
    "multipart/form-data; boundary=x",
    "text/plain; charset=²",
    "application/x-www-form-urlencoded",
]
METHODS = ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "²"]
FILES = {
    "empty": (b"", "empty.csv", "text/csv"),
    "no picture": (b"\x89PNG\r\n\x1a\n" + b"\xff" * 200, "a.png", "image/png"),
    "no archive": (b"PK\x03\x04" + b"\0" * 200, "a.docx", "application/x"),
    "no table": (b"\xff\xfe\x00,\n" * 50, "..\\..\\a\x00.csv", "text/\xff"),
    "no text": (b"# \xed\xa0\x80" + b"[" * 5_000, "x" * 500 + ".md", ""),
    "no page": (b"<table>" * 3_000, "\u202egnp.html", "text/html"),
}


@dataclass
class Answered:
    """What one request got."""

    reader: str
    method: str
    address: str
    what: str
    status: int
    seconds: float
    trouble: str = ""

    def __str__(self) -> str:
        said = f"{self.status} in {self.seconds:.1f} s: {self.reader} {self.method} {self.address[:160]} ({self.what})"
        return f"{said}\n    {self.trouble}" if self.trouble else said


@dataclass
class Form:
    """A form of a page: where it leads, and what its fields hold."""

    method: str
    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    @property
    def known_as(self) -> tuple[object, ...]:
        match = _match(self.action)
        return (self.method, match.route if match else self.action, *sorted(self.fields), *sorted(self.files))


class Page(HTMLParser):
    """The links and the forms of a page."""

    def __init__(self, address: str, html: str) -> None:
        super().__init__()
        self.address, self.links, self.forms = address, [], []  # type: ignore[var-annotated]
        self.form: Form | None = None
        self.select, self.area, self.chosen = "", "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag in ("a", "link", "img", "script", "use"):
            self.links.append(urljoin(self.address, given.get("href") or given.get("src") or ""))
        elif tag == "form":
            action = urljoin(self.address, given.get("action") or self.address)
            self.form = Form(given.get("method", "get").upper(), action)
            self.forms.append(self.form)
        elif self.form is not None:
            self._field(self.form, tag, given)

    def _field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name, kind = given.get("name", ""), given.get("type", "").lower()
        if tag == "button" or (tag == "input" and kind in ("submit", "image")):
            form.buttons.append((name, given.get("value", "")))
        elif tag == "input" and name and kind == "file":
            form.files.add(name)
        elif tag == "input" and name and kind in ("radio", "checkbox"):
            values = form.fields.setdefault(name, [])
            if "checked" in given:
                values.append(given.get("value", "on"))
        elif tag == "input" and name:
            form.fields.setdefault(name, []).append(given.get("value", ""))
        elif tag == "select" and name:
            self.select, self.chosen = name, False
            form.fields.setdefault(name, [])
        elif tag == "option" and self.select:
            values = form.fields[self.select]
            if "selected" in given:
                form.fields[self.select], self.chosen = [given.get("value", "")], True
            elif not values and not self.chosen:
                values.append(given.get("value", ""))
        elif tag == "textarea" and name:
            self.area = name
            form.fields.setdefault(name, [""])

    def handle_data(self, data: str) -> None:
        if self.form is not None and self.area:
            self.form.fields[self.area][0] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "select":
            self.select = ""
        elif tag == "textarea":
            self.area = ""


def _match(address: str):  # type: ignore[no-untyped-def]
    try:
        return resolve(urlsplit(address).path)
    except (Resolver404, ValueError):
        return None


@dataclass
class Target:
    """Something at which one reader throws values: a part of an address, a parameter, a field, the headers, the body."""

    kind: str
    known_as: tuple[object, ...]
    values: list[str]  # their names
    send: Callable[[str], None]


class Walk:
    """All that is thrown, and all that came back. At each target as many values as `each`, others at the next; at one in `of`."""

    def __init__(self, readers: Mapping[str, Client], seeds: list[str], *, each: int = 4, of: int = 1) -> None:
        self.readers, self.seeds, self.each, self.of = readers, seeds, each, of
        self.answers: list[Answered] = []
        self.addresses: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in readers}
        self.forms: dict[str, dict[tuple[object, ...], Form]] = {name: {} for name in readers}
        self.parameters: dict[str, set[str]] = defaultdict(
            set
        )  # by route: those that its view asks for, and its links name
        self.targets: Counter[str] = Counter()

    # One request

    def ask(
        self, reader: str, method: str, address: str, what: str, body: bytes = b"", kind: str = "", **headers: str
    ) -> HttpResponseBase | None:
        """Send one request, note what came back, and undo what it did."""
        began = time.monotonic()
        trouble, response = "", None
        try:
            with transaction.atomic():
                response = self.readers[reader].generic(
                    method, address, body, content_type=kind or "application/x-www-form-urlencoded", headers=headers
                )
                content = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
                response.taken = content  # type: ignore[attr-defined]
                transaction.set_rollback(True)
            status = response.status_code
            if status >= 500 and (failed := getattr(response, "exc_info", None)):
                trouble = f"{failed[0].__name__}: {str(failed[1])[:300]}"
        except Exception as failed:  # noqa: BLE001 - whatever it is, it is what is looked for
            status, trouble = 599, f"{type(failed).__name__}: {str(failed)[:300]}"
        if connection.connection is not None and connection.connection.closed:
            connection.close()
        self.answers.append(Answered(reader, method, address, what, status, time.monotonic() - began, trouble))
        return response

    # What there is

    def look_around(self) -> None:
        """Follow links, as each reader, until no route is left without an address."""
        for reader in self.readers:
            todo, seen = list(self.seeds), set()
            while todo and len(seen) < PAGES_MOST:
                address = todo.pop(0)
                match = _match(address)
                if match is None:
                    continue
                self.parameters[match.route] |= {name for name, _ in parse_qsl(urlsplit(address).query)}
                known = self.addresses[reader][match.route]
                if address in seen or (len(known) >= PER_ROUTE and address not in self.seeds):
                    continue
                seen.add(address)
                with _recorded(self.parameters[match.route]):
                    response = self.ask(reader, "GET", address, "as it is")
                if response is None:
                    continue
                if urlsplit(address).path not in {urlsplit(each).path for each in known}:
                    known.append(address)
                if "Location" in response:
                    todo.append(urljoin(address, response["Location"]).removeprefix(settings.SITE_URL))
                if response.get("Content-Type", "").startswith("text/html"):
                    page = Page(address, response.taken.decode("utf-8", "replace"))  # type: ignore[attr-defined]
                    todo += [link.partition("#")[0].removeprefix(settings.SITE_URL) for link in page.links]
                    for form in page.forms:
                        self.forms[reader].setdefault(form.known_as, form)
                        todo.append(form.action)
            for route in routes():
                if not self.addresses[reader][route]:
                    self.addresses[reader][route].append(_filled(route))

    # What is thrown

    def throw(self) -> None:
        """Throw at every target, or one in so many, the values whose turn it is there."""
        for place, target in enumerate(sorted(self._targets(), key=lambda each: _number(each.known_as))):
            if place % self.of:
                continue
            self.targets[target.kind] += 1
            start, step = _number(target.known_as) % len(target.values), max(len(target.values) // self.each, 1)
            turns = {(start + turn * step) % len(target.values) for turn in range(self.each)}
            for turn in sorted(turns):
                target.send(target.values[turn])

    def _targets(self) -> Iterator[Target]:
        for reader in self.readers:
            for route, known in self.addresses[reader].items():
                yield from self._at_address(reader, route, known)
            for form in self.forms[reader].values():
                yield from self._at_form(reader, form)

    def _at_address(self, reader: str, route: str, known: list[str]) -> Iterator[Target]:
        address, path = known[0], urlsplit(known[0]).path
        parts, values = path.strip("/").split("/"), {**SHORT, **LONG}

        def get_part(place: int) -> Callable[[str], None]:
            def send(name: str) -> None:
                hostile = [*parts[:place], quote_from_bytes(values[name], safe=""), *parts[place + 1 :]]
                end = "/" if path.endswith("/") else ""
                self.ask(reader, "GET", f"/{'/'.join(hostile)}{end}", f"part {place}: {name}")

            return send

        def get_parameter(parameter: str) -> Callable[[str], None]:
            return lambda name: self._get(
                reader, f"{path}?{parameter}={quote_from_bytes(values[name])}", f"{parameter}: {name}"
            )

        def send_header(name: str) -> None:
            header, _, number = name.partition(" ")
            odd = {header: HEADERS[header][int(number)]}
            self.ask(reader, "GET", address, name, **odd)
            handler = self.readers[reader].handler
            handler.enforce_csrf_checks = True
            self.ask(reader, "POST", address, f"{name}, a form without its token", b"title=x", **odd)
            handler.enforce_csrf_checks = False

        def send_body(name: str) -> None:
            kind = KINDS[_number((name, address)) % len(KINDS)]
            self.ask(reader, "POST", address, f"{kind}: {name}", {**SHORT, **HUGE}[name], kind)

        for place, part in enumerate(GROUP.sub("<x>", route).strip("^/$").split("/")):
            if "<" in part and place < len(parts):
                yield Target("part of an address", (reader, route, place), [*values], get_part(place))
        for parameter in sorted(self.parameters[route]):
            yield Target("parameter", (reader, route, parameter), [*values], get_parameter(parameter))
        headers = [f"{header} {number}" for header, each in HEADERS.items() for number in range(len(each))]
        yield Target("headers", (reader, route, "headers"), headers, send_header)
        yield Target("body", (reader, route, "body"), [*SHORT, *HUGE], send_body)
        yield Target("method", (reader, route, "method"), METHODS, lambda name: self._method(reader, name, address))

    def _get(self, reader: str, address: str, what: str) -> None:
        self.ask(reader, "GET", address, what)

    def _method(self, reader: str, name: str, address: str) -> None:
        self.ask(reader, name, address, f"method {name}")

    def _at_form(self, reader: str, form: Form) -> Iterator[Target]:
        values = {**SHORT, **LONG, **HUGE}

        def fill(names: Iterable[str]) -> Callable[[str], None]:
            def send(label: str) -> None:
                buttons = form.buttons or [("", "")]
                button = buttons[_number((label, *names)) % len(buttons)]
                self._send(
                    reader, form, dict.fromkeys(names, values[label]), button, f"{', '.join(names)}: {label}, {button}"
                )

            return send

        def attach(name: str) -> Callable[[str], None]:
            return lambda label: self._upload(reader, form, name, label)

        for name in form.fields:
            yield Target("field", (reader, *form.known_as, name), [*values], fill([name]))
        for name in form.files:
            yield Target("file", (reader, *form.known_as, name), [*FILES], attach(name))
        yield Target("all fields", (reader, *form.known_as, "all"), [*values], fill([*form.fields]))
        yield Target("button", (reader, *form.known_as, "button"), [*SHORT], fill(["action", "key"]))

    def _send(self, reader: str, form: Form, hostile: Mapping[str, bytes], button: tuple[str, str], what: str) -> None:
        sent = [*_pairs({name: values for name, values in form.fields.items() if name not in hostile})]
        sent += [
            f"{quote_from_bytes(name.encode())}={quote_from_bytes(value)}".encode() for name, value in hostile.items()
        ]
        if button[0] and button[0] not in hostile:
            sent += _pairs({button[0]: [button[1]]})
        body = b"&".join(sent)
        if form.method == "POST":
            self.ask(reader, "POST", form.action, what, body)
        else:
            self.ask(reader, "GET", f"{urlsplit(form.action).path}?{body.decode()}", what)

    def _upload(self, reader: str, form: Form, name: str, label: str) -> None:
        content, called, kind = FILES[label]
        file = SimpleUploadedFile(called, content, kind)
        fields = {key: values for key, values in form.fields.items() if values}
        encoded = self.readers[reader]._encode_data({**fields, name: file}, MULTIPART_CONTENT)
        self.ask(reader, "POST", form.action, f"{name}: {label}", encoded, MULTIPART_CONTENT)

    # What came of it

    @property
    def failures(self) -> list[Answered]:
        """What failed. (Here no worker runs, and no file is kept: /readyz says that it is not ready, which is its answer.)"""
        return [answer for answer in self.answers if answer.status >= 500 and not answer.address.startswith("/readyz")]

    def report(self) -> str:
        """The figures, in words."""
        statuses = Counter(answer.status for answer in self.answers)
        slowest = sorted(self.answers, key=lambda answer: -answer.seconds)[:15]
        slow = [answer for answer in self.answers if answer.seconds > SLOW]
        kinds: dict[tuple[object, ...], list[Answered]] = defaultdict(list)
        for answer in self.failures:
            match = _match(answer.address)
            kinds[answer.status, match.route if match else "", answer.trouble[:60]].append(answer)
        lines = [
            f"{len(self.answers):,} requests by {len(self.readers)} readers at {len(routes())} routes: "
            + ", ".join(f"{count:,} × {kind}" for kind, count in sorted(self.targets.items()))
            + f"; up to {self.each} values at each of these.",
            f"Statuses: {', '.join(f'{status}: {count:,}' for status, count in sorted(statuses.items()))}.",
            f"Over {SLOW:.0f} seconds: {len(slow)}. The slowest:",
            *(f"  {answer}" for answer in slowest),
            f"Failures: {len(self.failures)}, of {len(kinds)} kinds.",
            *(f"  {len(several)} times {several[0]}" for several in kinds.values()),
        ]
        return "\n".join(lines)


@contextlib.contextmanager
def _recorded(names: set[str]) -> Iterator[None]:
    """Within this, the names of the parameters that a view asks for are added to `names`."""
    own = {method: getattr(MultiValueDict, method) for method in ("get", "getlist", "__getitem__", "__contains__")}

    def noting(method: str) -> Callable[..., object]:
        def asked(self: MultiValueDict, name: object, *rest: object, **options: object) -> object:
            if isinstance(self, QueryDict) and isinstance(name, str):
                names.add(name)
            return own[method](self, name, *rest, **options)

        return asked

    with pytest.MonkeyPatch.context() as patched:
        for method in own:
            patched.setattr(MultiValueDict, method, noting(method), raising=False)
        yield
    names -= {"csrfmiddlewaretoken"}


def _number(what: tuple[object, ...]) -> int:
    """Always the same number for the same thing."""
    return zlib.crc32(repr(what).encode())


def _pairs(fields: Mapping[str, list[str]]) -> Iterator[bytes]:
    for name, values in fields.items():
        for value in values:
            yield f"{quote_from_bytes(name.encode())}={quote_from_bytes(value.encode('utf-8', 'surrogatepass'))}".encode()


def _filled(route: str) -> str:
    """An address of a route, where no page links to one."""
    fill: Callable[[re.Match[str]], str] = lambda met: FILL[met[1] or ""]  # noqa: E731
    plain = GROUP.sub("x", PART.sub(fill, route))
    return "/" + re.sub(r"[\\^$?]", "", plain)
