"""What each rung wants, as words. Plain facts in, words out: nothing here asks the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from knowledge.posts.rungs import Rung, missing_case


@dataclass(frozen=True)
class Numbers:
    """How much of each a rung wants: settings of the site (VETTED_WANTS)."""

    evidence: int = 2
    outside: int = 1
    approvals: int = 2


@dataclass(frozen=True)
class Record:
    """What a post has to show for itself.

    `evidence` counts all pieces, field reports included; `outside` those of them from outside the publishing organization;
    `reports` the field reports among them. `approvals` counts other organizations whose independent reviewers approve of the
    version under review; `requests` the reviewers whose request for more is open.
    """

    case: Mapping[str, str] = field(default_factory=dict)
    evidence: int = 0
    outside: int = 0
    reports: int = 0
    approvals: int = 0
    requests: int = 0


@dataclass(frozen=True)
class Want:
    """One thing that a rung wants: what it is, whether it is there, how it stands, and what to do where it is not."""

    key: str
    met: bool
    words: str
    do: str = ""


def wants(rung: Rung, record: Record, numbers: Numbers) -> list[Want]:
    """What this rung wants beyond the one below it, each met or not, in the order in which one would see to it."""
    if rung == Rung.EMERGING:
        missing = missing_case(dict(record.case))
        words = "A case: what was tried, where and since when, what would change our mind"
        return [
            Want("case", not missing, words, " ".join(missing.values())),
            Want(
                "evidence",
                record.evidence >= 1,
                _pieces(record) if record.evidence else "At least one piece of evidence",
                "Add at least one piece of evidence: what did you see?",
            ),
        ]
    if rung == Rung.VETTED:
        return [*before_vetting(record, numbers), *from_reviewers(record, numbers)]
    return []


def before_vetting(record: Record, numbers: Numbers) -> list[Want]:
    """What must be there before other organizations are asked to look."""
    return [
        Want(
            "evidence",
            record.evidence >= numbers.evidence,
            _pieces(record)
            if record.evidence >= numbers.evidence
            else f"{record.evidence} of {_count(numbers.evidence, 'piece')} of evidence",
            f"Add evidence: a vetted finding rests on at least {_count(numbers.evidence, 'piece')}.",
        ),
        Want(
            "outside",
            record.outside >= numbers.outside,
            f"{record.outside} from outside the organization" if record.outside else "Nothing from outside yet",
            f"Add evidence from outside: at least {_count(numbers.outside, 'piece')} that another organization produced,"
            " or a field report of one that tried it.",
        ),
    ]


def from_reviewers(record: Record, numbers: Numbers) -> list[Want]:
    """What only a vetting can give."""
    return [
        Want(
            "approvals",
            record.approvals >= numbers.approvals,
            f"Approved by {record.approvals} of {numbers.approvals} other organizations",
            f"Approvals of {_count(numbers.approvals, 'other organization')} are wanted, and {record.approvals} are there.",
        ),
        Want(
            "requests",
            record.requests == 0,
            f"{_count(record.requests, 'request')} for more {'is' if record.requests == 1 else 'are'} open"
            if record.requests
            else "No request for more is open",
            "A request for more is open: answer it, so that its reviewer can look again.",
        ),
    ]


def missing_for(rung: Rung, record: Record, numbers: Numbers) -> dict[str, str]:
    """What still keeps a post off this rung: what is wanted -> what to do about it, in words. Rungs add up."""
    return {
        want.key: want.do
        for step in sorted(Rung)
        if step <= rung
        for want in wants(step, record, numbers)
        if not want.met
    }


def _pieces(record: Record) -> str:
    told = f"{_count(record.evidence, 'piece')} of evidence"
    if not record.reports:
        return told
    if record.reports == record.evidence:
        return f"{told}, a field report" if record.reports == 1 else f"{told}, all of them field reports"
    return f"{told}, {record.reports} of them {'a field report' if record.reports == 1 else 'field reports'}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
