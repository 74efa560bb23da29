"""The names of the background jobs, and how one is deferred by name.

A job is deferred on Django's own connection, in the transaction of the verb that wants it, so neither the rows nor the
job can exist without the other. Nothing here imports a task: `knowledge/jobs.py` implements the names.
"""

import contextlib
import datetime as dt
import threading

from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

ANNOUNCE = "announce"  # something happened: tell those whom it concerns
LETTERS = "letters"  # every minute, and when somebody is told of something: make the mail that is due, and send it
CODES = "codes"  # the same for mail that somebody waits for: sign-in codes, confirmations
PUSH = "push"  # every minute, and when there is something to push: push it to browsers

FOLLOW_RENAME = "follow_rename"  # an organization or a member has a new name: make what shows it anew
TIDY = "tidy"  # once a day: sessions that ran out, jobs long done, mail the trial showed
PING = "ping"  # something is new in feeds: tell the WebSub hub

INBOUND = "inbound"  # every minute: mail that came into the mailbox of the commons

DOCUMENTS = "documents"  # somebody sent a document: read it into a draft
PICTURES = "pictures"  # somebody sent a picture: draw it anew
CONVERSIONS = "conversions"  # every minute: documents and pictures whose turn was cut off, or put off

DATES = "dates"  # every hour: dates that have passed, each with its verb

ALL = (ANNOUNCE, LETTERS, CODES, PUSH, FOLLOW_RENAME, TIDY, PING, INBOUND, DOCUMENTS, PICTURES, CONVERSIONS, DATES)

SENDING = (LETTERS, CODES, PUSH)  # the jobs that look for all there is to send

# Jobs that may wait long for others' servers, or take long, have lanes of their own, so that they hold up nothing else
LANES = {
    LETTERS: "mail",
    CODES: "codes",
    PUSH: "push",
    PING: "hub",
    INBOUND: "inbound",
    DOCUMENTS: "documents",
    PICTURES: "pictures",
}

# Set when the worker is told to stop: a job that does one thing after another asks it between two, and ends
stopping = threading.Event()


def lane(name: str) -> str:
    """The queue on which jobs of this name wait."""
    return LANES.get(name, "default")


def defer(name: str, **arguments: object) -> None:
    """Put the job called `name` on the queue with these JSON-able arguments; it runs once this transaction commits."""
    app.configure_task(name, allow_unknown=True, queue=lane(name)).defer(**arguments)  # type: ignore[arg-type]


def wake(name: str) -> None:
    """Have the job called `name`, which looks for all there is to do, run soon; where one waits already, that one will do.

    Should that one start before this transaction commits, the next of its schedule sees what it did not.
    """
    job = app.configure_task(name, allow_unknown=True, queue=lane(name), queueing_lock=name)
    with contextlib.suppress(AlreadyEnqueued), transaction.atomic():
        job.defer(timestamp=0)


def wake_at(name: str, at: dt.datetime) -> None:
    """Have the job called `name` run at a time, beside whatever wakes it sooner; one that waits for a later time is moved there."""
    lock = f"{name} later"
    job = app.configure_task(name, allow_unknown=True, queue=lane(name), queueing_lock=lock, schedule_at=at)
    try:
        with transaction.atomic():
            job.defer(timestamp=0)
    except AlreadyEnqueued:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE procrastinate_jobs SET scheduled_at = %(at)s"
                " WHERE queueing_lock = %(lock)s AND status = 'todo' AND scheduled_at > %(at)s",
                {"at": at, "lock": lock},
            )
