"""Files that wait in line, read at once by the jobs that the worker runs."""

from typing import Any

from knowledge import jobs
from knowledge.posts.conversions import claimable
from knowledge.posts.models import ConversionKind

JSON = {"Accept": "application/json"}
JOBS = {ConversionKind.DOCUMENT: jobs.documents, ConversionKind.PICTURE: jobs.pictures}


def work_through() -> None:
    """Read every file that waits, one after the other."""
    from django.utils import timezone

    for kind, job in JOBS.items():
        while claimable(kind, now=timezone.now()).exists():
            job(timestamp=0)


def outcome(browser: Any, answer: Any) -> Any:
    """What comes in the end of a file that a script sent: the answer of its state's address, or the one that there is already."""
    if answer.status_code != 202:
        return answer
    work_through()
    return browser.get(answer.json()["address"], headers=JSON)


def outcome_page(browser: Any, answer: Any) -> Any:
    """What comes in the end of a file that a form sent: the page on which its own page leads on, or its own page."""
    if answer.status_code != 303:
        return answer
    work_through()
    return browser.get(answer["Location"])
