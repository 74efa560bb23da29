"""The worker: runs background jobs until it is told to stop.

    python -m commons.worker

A job that a killed worker left half done is taken up again, by this worker or by another, once that one has been silent for
a while. (Jobs may run twice; what they do happens once.) Without the database it ends, with a sentence and code 1: whoever
started it starts it again.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job

from commons import apart, serving
from commons.db import silence
from commons.steps import say

TROUBLE = (ConnectorException, psycopg.OperationalError)  # that the database is away
LOOK_EVERY = 15  # seconds from one look for abandoned jobs to the next
# How many jobs of each lane run beside each other: mail waits for others' servers most of the time; a document or a picture
# takes up to a gigabyte of memory, and a slow one leaves a place for those of others
BESIDE = {
    "default": 2,
    "mail": int(os.environ.get("MAIL_SENDERS", "4")),
    "codes": 2,
    "push": 2,
    "hub": 1,
    "inbound": 1,
    "documents": 2,
    "pictures": 2,
}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commons.settings")
    import django

    django.setup()
    from django.db import connections
    from procrastinate import PsycopgConnector
    from procrastinate.contrib.django import app
    from procrastinate.contrib.django.utils import connector_params

    connections.databases["default"]["CONN_HEALTH_CHECKS"] = (
        True  # a job can afford to ask whether its line still holds
    )

    loss = Loss()
    for handler in logging.getLogger().handlers:
        handler.addFilter(loss)
    try:
        connector = PsycopgConnector(kwargs=connector_params(), connection_class=silence.AsyncConnection)
        with app.replace_connector(connector) as working:
            asyncio.run(_work(working, loss))
    except TROUBLE as trouble:
        say(f"The worker ends: {in_words(trouble)}.")
        sys.exit(1)


def on_a_line_that_holds(job: Callable[[], Any], _context: object, _worker: object) -> Any:
    """Run a job on a database connection that works: one that broke in the job before, or since, is given up."""
    from django.db import close_old_connections

    close_old_connections()
    try:
        return job()
    finally:
        close_old_connections()


def threads() -> int:
    """Return how many threads run jobs: one for each place in each lane, or one lane would wait for another; and two to spare."""
    return sum(BESIDE.values()) + 2


class Loss(logging.Filter):
    """Keeps pages of traceback about a lost database out of the log, and notices when a lane ends for it.

    (A job that failed for it is tried again, and is no reason to end.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.noticed = asyncio.Event()
        self.trouble: BaseException | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        trouble = record.exc_info[1] if record.exc_info else None
        if not isinstance(trouble, ConnectorException):
            return True
        if (
            getattr(record, "action", "") == "side_task_failed"
        ):  # procrastinate says so in the loop, of a lane, never of a job
            self.trouble = trouble
            self.noticed.set()
        return False


def in_words(trouble: BaseException) -> str:
    """That the database is lost, and what it said last, in half a sentence."""
    lines = str(trouble.__cause__ or trouble).strip().splitlines()
    return f"it has lost the database ({lines[0].rstrip('.') if lines else 'it does not say why'})"


async def _work(app: App, loss: Loss) -> None:
    """Work on all lanes, each with a worker of its own, until SIGTERM or SIGINT; when one lane ends, all do."""
    from commons import queue

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads()))
    async with app.open_async():
        await _wake_all(app)
        looking = asyncio.create_task(_take_up_abandoned(app))
        lanes = [
            asyncio.create_task(
                app.run_worker_async(
                    queues=[lane],
                    name=lane,
                    concurrency=beside,
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=serving.STOP_SECONDS,
                    task_middleware=[on_a_line_that_holds],
                )
            )
            for lane, beside in BESIDE.items()
        ]

        def stop() -> None:
            queue.stopping.set()
            apart.stop()  # what they read is taken up by the next worker
            for lane in lanes:
                lane.cancel()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        lost = asyncio.create_task(loss.noticed.wait())
        try:
            await asyncio.wait([*lanes, lost], return_when=asyncio.FIRST_COMPLETED)
            lost.cancel()
            ends = [lane.exception() for lane in lanes if lane.done() and not lane.cancelled()]
            for trouble in (loss.trouble, *ends):
                if isinstance(trouble, TROUBLE):
                    say(f"The worker ends: {in_words(trouble)}.")
                    os._exit(1)  # to wait for the other lanes would be to wait for the database
            stop()
            await asyncio.gather(*lanes, return_exceptions=True)
            for trouble in filter(None, ends):
                raise trouble
        finally:
            looking.cancel()


async def _wake_all(app: App) -> None:
    """Have the jobs that send run at once: what a worker before this one left may wait already."""
    from commons import queue

    for name in queue.SENDING:
        job = app.configure_task(name, allow_unknown=True, queue=queue.lane(name), queueing_lock=name)
        with contextlib.suppress(AlreadyEnqueued):
            await job.defer_async(timestamp=0)


# What a clock that ran ahead wrote down would else be waited for: a job put off, and a worker that was heard of "later than now"
# and so is never missed, with the job it had
_NOT_BELIEVED = (
    "UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo' AND scheduled_at > now() + interval '1 day'",
    "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE last_heartbeat > now() + interval '1 minute'",
)


async def _take_up_abandoned(app: App) -> None:
    """Put back on the queue, now and then, what nobody works on any more, and what waits for a time that was never meant."""
    while True:
        with contextlib.suppress(ConnectorException):
            for statement in _NOT_BELIEVED:
                await app.connector.execute_query_async(statement)
        stalled: list[Job] = []
        with contextlib.suppress(ConnectorException):  # the worker itself says so
            stalled = list(await app.job_manager.get_stalled_jobs())
        for job in stalled:
            with contextlib.suppress(ConnectorException):  # another took it up first, or its like waits already
                await app.job_manager.retry_job(job)
        await asyncio.sleep(LOOK_EVERY)


if __name__ == "__main__":
    main()
