"""The gate that everything people type passes, at every door: valid Unicode, no control characters, within its length.

One odd character typed once would break every feed and export that quotes it, so it is refused where it is typed, in a
sentence that says where it stands.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

from django import forms
from django.conf import settings
from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError

from commons import webhooks
from commons.db.errors import Fault, is_out_of_room

# Characters that a text of each kind may hold
TITLE = 160
TAKEAWAY = 300
NAME = 120
BIO = 2_000
COMMENT = 20_000
BODY = 200_000
REASON = 2_000  # why, and reasons
TAG = 50
# How many of each a post may have
MAX_TAGS = 10
MAX_PLACES = 20
MAX_ISSUE_AREAS = 3

HANDLE = r"[a-z][a-z0-9_-]{1,29}"  # what a member's handle looks like

# Marks on one letter. No language needs more (30 is Unicode's own bound, in UAX 15, for the same reason): to order a
# longer run takes time that grows with its square.
MAX_MARKS = 30

_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"  # all but tab and newline
_REFUSED = re.compile(f"[{_CONTROLS}\ud800-\udfff{_NONCHARACTERS}]")
_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")  # make a line read otherwise than it is written
_MARKS_WITHOUT_CLASS = re.compile("[\u0f73\u0f75\u0f81]")  # combine only once they are taken apart
_UNSEEN_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


class Refused(ValidationError):
    """What was typed cannot be taken; the message says why, and what can be done."""


def passed(text: str, *, limit: int, lines: bool, what: str = "") -> str:
    """What was typed, as it is kept: one form of each letter (NFC), plain newlines, no white space around it.

    A text of one line (`lines=False`) has each inner run of white space folded to a space. Refuses what cannot be kept,
    and what is longer than `limit` characters; `what` names the thing in that sentence ("a title"). Nothing to be seen
    is nothing typed: the answer is "".
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if odd := _REFUSED.search(text):
        where = _place(text, odd.start())
        raise Refused(f"There is a character that cannot be shown ({_named(odd)}){where}. Take it out.", code="odd")
    if not lines and (odd := _OVERRIDES.search(text)):
        where = _place(text, odd.start())
        raise Refused(
            f"There is an unseen character that turns the text around ({_named(odd)}){where}. Take it out.", code="odd"
        )
    text = _composed(text)
    text = text.strip() if lines else " ".join(text.split())
    if is_blank(text):
        return ""
    if len(text) > limit:
        room = f"{what} holds" if what else "there is room for"
        over = len(text) - limit
        raise Refused(f"This is {len(text):,} characters; {room} {limit:,}. Cut {over:,}.", code="too_long")
    return text


def is_blank(text: str) -> bool:
    """Whether there is nothing to be seen: no characters, white space, or only ones without a shape."""
    return all(
        character in _UNSEEN_LETTERS
        or unicodedata.category(character) in _UNSEEN_CATEGORIES
        or "\ufe00" <= character <= "\ufe0f"
        or "\U000e0000" <= character <= "\U000e0fff"
        for character in text
    )


def _composed(text: str) -> str:
    """The text in NFC."""
    if text.isascii():
        return text
    marks = bytes(map(bool, map(unicodedata.combining, _MARKS_WITHOUT_CLASS.sub("\u0f71", text))))
    if (start := marks.find(b"\1" * (MAX_MARKS + 1))) >= 0:
        where = _place(text, start)
        raise Refused(f"There are more than {MAX_MARKS} marks on one letter{where}. Take some away.", code="odd")
    return unicodedata.normalize("NFC", text)


def _named(odd: re.Match[str]) -> str:
    return f"U+{ord(odd[0]):04X}"


def _place(text: str, position: int) -> str:
    """Where in the text, in words: after the few words that stand before."""
    before = " ".join(_OVERRIDES.sub("", text[max(0, position - 40) : position]).split())
    return f", after “{before[-20:].lstrip()}”" if before else ", at the beginning"


class Line(forms.CharField):
    """One line that somebody types. `what` names it where it is too long: "a title".

    No maxlength is sent to the browser: it would cut off what is pasted without a word.
    """

    lines = False

    def __init__(self, *, limit: int, what: str = "", **options: Any) -> None:
        super().__init__(strip=False, **options)
        self.limit = limit
        self.what = what

    def to_python(self, value: Any) -> str:
        if value in self.empty_values:
            return ""
        return passed(str(value), limit=self.limit, lines=self.lines, what=self.what)


class Text(Line):
    """A text of several lines that somebody types."""

    lines = True
    widget = forms.Textarea


ADDRESS_REFUSED = "The address holds characters that no page here has. Check it, or begin at the front page."
HEADERS_REFUSED = "Your browser sent a cookie or a header that cannot be read. Clear this site's cookies and try again."
FORM_CUT = "The connection broke off before everything had arrived. Send it again."
FORM_REFUSED = "What was sent is not text in UTF-8, or holds a character that cannot be kept (U+0000)."

# Request headers that pages here make use of
HEADERS = (
    "HTTP_ORIGIN",
    "HTTP_REFERER",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_HX_CURRENT_URL",
    "HTTP_HX_TARGET",
)


class GateMiddleware:
    """Answers 400 to a request whose address, cookies, headers or form cannot be read as text.

    An ordinary request costs a look at each of its strings and nothing more. A body that is not a form is left alone.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.META
        path, query = given.get("PATH_INFO", ""), given.get("QUERY_STRING", "")
        # Django has decoded the path; bytes that are no UTF-8 stand in it with their percent signs, and name no page
        if not _is_plain(path) and (_REFUSED.search(path) or "\n" in path or "\t" in path):
            raise BadRequest(ADDRESS_REFUSED)
        if ("%" in query or not _is_plain(query)) and _is_unreadable(unquote_to_bytes(_sent(query))):
            raise BadRequest(ADDRESS_REFUSED)
        for header in HEADERS:
            if (value := given.get(header)) and not _is_plain(value) and _is_unreadable(_sent(value)):
                raise BadRequest(HEADERS_REFUSED)
        cookies = given.get("HTTP_COOKIE", "")
        if ("\\" in cookies or not _is_plain(cookies)) and any(
            _REFUSED.search(request.COOKIES.get(name, ""))
            for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME)
        ):
            raise BadRequest(HEADERS_REFUSED)
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        """Look at what a form holds, which Django has decoded by then with U+FFFD for what it could not read.

        In an urlencoded form the bytes tell whether somebody typed that character; a multipart form is read once, as it
        streams in, so there it is taken for a broken one.
        """
        if request.method != "POST" or request.path_info.startswith(webhooks.BEGIN):
            return None  # mail that a provider hands on is of bytes, and is read where it is received
        try:
            form = request.POST
        except UnreadablePostError as cut:
            raise BadRequest(FORM_CUT) from cut
        except OSError as trouble:
            if not is_out_of_room(trouble):
                raise
            request.fault = Fault.FULL  # type: ignore[attr-defined]  # commons/faults.py has the page
            return HttpResponse(status=503)
        broken = False
        for name, values in form.lists():
            for text in (name, *values):
                if text.isascii() and "\0" not in text:
                    continue
                if "\0" in text:
                    raise BadRequest(FORM_REFUSED)
                broken = broken or "\ufffd" in text
        if broken and (request.content_type == "multipart/form-data" or not _is_utf8(unquote_to_bytes(request.body))):
            raise BadRequest(FORM_REFUSED)
        return None


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _sent(text: str) -> bytes:
    """The bytes behind a string of the WSGI environment."""
    return text.encode("latin-1", "replace")


def _is_utf8(sent: bytes) -> bool:
    try:
        sent.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_unreadable(sent: bytes) -> bool:
    """Whether these bytes are no UTF-8, or hold a character that cannot be kept. A form sent by GET may break lines."""
    try:
        return _REFUSED.search(sent.decode().replace("\r\n", "\n")) is not None
    except UnicodeDecodeError:
        return True
