"""When the worker takes the database for lost: when a lane ends for it, and not for a job that complained of it."""

import logging

import pytest
from procrastinate.exceptions import ConnectorException

from commons.worker import Loss


def complaint(trouble: BaseException | None, **more: object) -> logging.LogRecord:
    told = (type(trouble), trouble, None) if trouble else None
    record = logging.LogRecord("procrastinate", logging.ERROR, "", 0, "Something failed", None, told)
    record.__dict__.update(more)
    return record


@pytest.mark.parametrize(
    ("trouble", "action", "is_said", "is_lost"),
    [
        (ConnectorException(), "side_task_failed", False, True),
        (ConnectorException(), "job_error", False, False),
        (ConnectorException(), None, False, False),
        (ValueError(), "side_task_failed", True, False),
        (None, None, True, False),
    ],
)
def test_only_a_lane_that_ends_means_that_it_is_lost(trouble, action, is_said, is_lost):
    loss = Loss()
    assert loss.filter(complaint(trouble, **({"action": action} if action else {}))) is is_said
    assert loss.noticed.is_set() is is_lost
    assert (loss.trouble is trouble) is (is_lost or trouble is None)
