"""How much one member may do, and how much mail anybody may have sent to one address: all the numbers, in one place.

They are for floods: nobody who types what they send meets them. The longest window of a thing is the same for everybody.
"""

import datetime as dt

from commons.pace import Pace
from commons.rate_limits import Rate

MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)
SETTLED_AFTER = dt.timedelta(days=7)  # from a member's first sign-in, by which an address was confirmed

# What they write for others to read
POSTS = Pace(
    "published", "post", "posts", new=(Rate(10, HOUR), Rate(20, DAY)), settled=(Rate(30, HOUR), Rate(100, DAY))
)
VERSIONS = Pace(
    "published", "version", "versions", new=(Rate(20, HOUR), Rate(60, DAY)), settled=(Rate(60, HOUR), Rate(200, DAY))
)
COMMENTS = Pace(
    "wrote",
    "comment",
    "comments",
    new=(Rate(20, 10 * MINUTE), Rate(100, DAY)),
    settled=(Rate(60, 10 * MINUTE), Rate(400, DAY)),
)
EDITS = Pace(
    "changed",
    "text",
    "texts",
    new=(Rate(30, 10 * MINUTE), Rate(200, DAY)),
    settled=(Rate(60, 10 * MINUTE), Rate(400, DAY)),
)
EVIDENCE = Pace(
    "added",
    "piece of evidence",
    "pieces of evidence",
    new=(Rate(20, HOUR), Rate(60, DAY)),
    settled=(Rate(60, HOUR), Rate(200, DAY)),
)
FIELD_REPORTS = Pace(
    "wrote",
    "field report",
    "field reports",
    new=(Rate(10, HOUR), Rate(20, DAY)),
    settled=(Rate(20, HOUR), Rate(60, DAY)),
)
REVIEWS = Pace(
    "wrote", "review", "reviews", new=(Rate(10, HOUR), Rate(20, DAY)), settled=(Rate(20, HOUR), Rate(60, DAY))
)
# What moves a post, asks others to look at it, or ties it to another
MOVES = Pace(
    "made",
    "change to where posts stand",
    "changes to where posts stand",
    new=(Rate(30, HOUR), Rate(100, DAY)),
    settled=(Rate(60, HOUR), Rate(300, DAY)),
)

# What they found, and say of themselves: each change makes all pages anew that show the name
ORGANIZATIONS = Pace("added", "organization", "organizations", new=(Rate(5, DAY),), settled=(Rate(10, DAY),))
PROFILES = Pace(
    "changed",
    "profile",
    "profiles",
    new=(Rate(20, HOUR), Rate(50, DAY)),
    settled=(Rate(20, HOUR), Rate(50, DAY)),
)

# What is theirs alone, for now
DRAFTS = Pace(
    "began", "draft", "drafts", new=(Rate(40, HOUR), Rate(150, DAY)), settled=(Rate(100, HOUR), Rate(300, DAY))
)
FILES = Pace(
    "added", "file", "files", new=(Rate(100, HOUR), Rate(300, DAY)), settled=(Rate(300, HOUR), Rate(1000, DAY))
)
SUBSCRIPTIONS = Pace(
    "changed",
    "subscription",
    "subscriptions",
    new=(Rate(100, HOUR), Rate(300, DAY)),
    settled=(Rate(300, HOUR), Rate(1000, DAY)),
)

# Mail that anybody can have sent to an address, by typing it: codes, a question whether its owner wants to follow
ASKED_MOST_FROM_NETWORK = 5  # a day, by all at one network (an IPv4 address, an IPv6 /64)
ASKED_MOST = 10  # a day, by everybody
ASKED_KEPT = 3  # of these, for browsers in which the account of the address signed in before
CODES_A_MINUTE = 3  # by all at one network
ASKED_FROM_NETWORK = (Rate(ASKED_MOST_FROM_NETWORK, DAY),)
CODES_FROM_NETWORK = (Rate(CODES_A_MINUTE, MINUTE), *ASKED_FROM_NETWORK)
ASKED = (Rate(ASKED_MOST, DAY),)
ASKED_BY_STRANGERS = (Rate(ASKED_MOST - ASKED_KEPT, DAY),)
