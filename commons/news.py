"""News for open pages: says, in the transaction that makes it true, for whom there is something new.

It says only that there is something. The page then asks in the ordinary way, where it is decided again what its reader may
see. `commons/streams.py` hears it in every web process, and passes it on to the pages that these members have open.

In SQL, a message is `pg_notify('commons_news', '17,4,29')`: numbers of members with commas between them, at most
`MEMBERS_A_MESSAGE` of them, since PostgreSQL carries less than 8,000 bytes. A number below zero, `-17`, ends the streams of
member 17: they come back by themselves, and are asked again who they are.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connection

CHANNEL = "commons_news"
HEADER = "X-Commons-News"  # in an answer: this connection is to become the stream of the member with this number
EVENT = b"event: news\ndata: 1\n\n"  # how a stream says it; also what a view answers that has news at once

LONGEST_MESSAGE = 7_900
MEMBERS_A_MESSAGE = LONGEST_MESSAGE // len(f"-{2**63},")


def tell(members: Iterable[int]) -> None:
    """Tell the open pages of these members that there is news, once this transaction commits; never, if it does not."""
    numbers = sorted(set(members))
    parts = (numbers[at : at + MEMBERS_A_MESSAGE] for at in range(0, len(numbers), MEMBERS_A_MESSAGE))
    messages = [",".join(map(str, part)) for part in parts]
    if messages:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, message) FROM unnest(%s::text[]) message", [CHANNEL, messages])


def end(member: int) -> None:
    """End the member's streams, on every device: whoever is still signed in comes back within seconds."""
    tell([-member])


def connection_parameters() -> dict[str, Any]:
    """How to reach the database that `tell` speaks to, for a connection that is not Django's."""
    parameters = connection.get_connection_params()
    return {name: value for name, value in parameters.items() if name not in ("cursor_factory", "context")}
