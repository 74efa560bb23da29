"""Every concept's tables, gathered for Django."""

from knowledge.comments.models import Comment, EarlierText
from knowledge.posts.models import Listing, Move, Post, PostAuthor, PostTag, Version
from knowledge.stored.models import Fragment, Stamp
from knowledge.subscriptions.models import Subscription
from knowledge.topics.models import IssueArea, Place, Tag
from knowledge.words.models import Words

__all__ = [
    "Comment",
    "EarlierText",
    "Fragment",
    "IssueArea",
    "Listing",
    "Move",
    "Place",
    "Post",
    "PostAuthor",
    "PostTag",
    "Stamp",
    "Subscription",
    "Tag",
    "Version",
    "Words",
]
