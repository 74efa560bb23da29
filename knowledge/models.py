"""Every concept's tables, gathered for Django."""

from knowledge.comments.models import Comment, DraftComment, EarlierText
from knowledge.evidence.models import Evidence, FieldReport, ReportVersion, StillHolds
from knowledge.inbound.models import Received
from knowledge.ladder.models import Confirmation, Lesson, RequestAnswer, RequestClosing, Review, Vetting
from knowledge.moderation.models import LogEntry
from knowledge.notifications.models import Bounce, Letter, MailState, Notification, Push, PushSubscription
from knowledge.posts.models import (
    Attachment,
    CheckBack,
    Conversion,
    Draft,
    DraftEdition,
    LastRead,
    Link,
    Listing,
    Move,
    Post,
    PostAuthor,
    PostTag,
    Version,
)
from knowledge.search.models import SavedSearch
from knowledge.stored.models import Fragment, Stamp
from knowledge.subscriptions.models import Following, Muted, Reader, Subscription
from knowledge.topics.models import IssueArea, Place, Tag
from knowledge.words.models import Words

__all__ = [
    "Attachment",
    "Bounce",
    "CheckBack",
    "Comment",
    "Confirmation",
    "Conversion",
    "Draft",
    "DraftComment",
    "DraftEdition",
    "EarlierText",
    "Evidence",
    "FieldReport",
    "Following",
    "Fragment",
    "IssueArea",
    "LastRead",
    "Lesson",
    "Letter",
    "Link",
    "Listing",
    "LogEntry",
    "MailState",
    "Move",
    "Muted",
    "Notification",
    "Place",
    "Post",
    "PostAuthor",
    "PostTag",
    "Push",
    "PushSubscription",
    "Reader",
    "Received",
    "ReportVersion",
    "RequestAnswer",
    "RequestClosing",
    "Review",
    "SavedSearch",
    "Stamp",
    "StillHolds",
    "Subscription",
    "Tag",
    "Version",
    "Vetting",
    "Words",
]
