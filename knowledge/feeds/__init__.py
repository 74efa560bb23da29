"""Feeds, without an account: everything one can follow, and every filtered list, as Atom (RFC 4287), RSS 2.0 and JSON Feed 1.1.

One path leads to all three. A *source* gives rows and what each of them tells (`sources.py`), `archives.py` says which rows
stand in which document (RFC 5005), an *entry* says what is told (`entries.py`), and a *form* writes it down (`forms.py`).
What a form makes of a post is kept as a fragment, one for each form, so that a feed of twenty whole posts costs little more
than reading them.
"""

from knowledge.feeds.views import (
    everything,
    issue_area,
    member,
    organization,
    place,
    post,
    private,
    search,
    tag,
)

__all__ = ["everything", "issue_area", "member", "organization", "place", "post", "private", "search", "tag"]
