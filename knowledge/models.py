"""Every concept's tables, gathered for Django."""

from knowledge.comments.models import Comment, EarlierText
from knowledge.evidence.models import Evidence, FieldReport, ReportVersion, StillHolds
from knowledge.ladder.models import Confirmation, Lesson, RequestAnswer, RequestClosing, Review, Vetting
from knowledge.moderation.models import LogEntry
from knowledge.posts.models import Attachment, CheckBack, Link, Listing, Move, Post, PostAuthor, PostTag, Version
from knowledge.stored.models import Fragment, Stamp
from knowledge.subscriptions.models import Subscription
from knowledge.topics.models import IssueArea, Place, Tag
from knowledge.words.models import Words

__all__ = [
    "Attachment",
    "CheckBack",
    "Comment",
    "Confirmation",
    "EarlierText",
    "Evidence",
    "FieldReport",
    "Fragment",
    "IssueArea",
    "Lesson",
    "Link",
    "Listing",
    "LogEntry",
    "Move",
    "Place",
    "Post",
    "PostAuthor",
    "PostTag",
    "ReportVersion",
    "RequestAnswer",
    "RequestClosing",
    "Review",
    "Stamp",
    "StillHolds",
    "Subscription",
    "Tag",
    "Version",
    "Vetting",
    "Words",
]
