from django.conf import settings
from django.db import models


class Verb(models.TextChoices):
    """What can happen in the commons. A new fact gets a new word; a word is never used for another fact."""

    JOINED = "joined", "joined"
    CHANGED_PROFILE = "changed_profile", "changed their profile"
    FOUNDED = "founded", "founded"
    CHANGED_ORGANIZATION = "changed_organization", "changed"
    PUBLISHED = "published", "published"
    PUBLISHED_VERSION = "published_version", "published a new version of"
    MOVED = "moved", "moved"
    WITHDREW = "withdrew", "withdrew"
    ADDED_EVIDENCE = "added_evidence", "added evidence to"
    WITHDREW_EVIDENCE = "withdrew_evidence", "withdrew evidence from"
    REPORTED = "reported", "tried"
    EDITED_REPORT = "edited_report", "edited a field report on"
    WITHDREW_REPORT = "withdrew_report", "withdrew a field report on"
    OPENED_VETTING = "opened_vetting", "opened a vetting of"
    CLOSED_VETTING = "closed_vetting", "closed the vetting of"
    REVIEWED = "reviewed", "reviewed"
    CHANGED_VERDICT = "changed_verdict", "changed their verdict on"
    ANSWERED_REQUEST = "answered_request", "answered a request for more on"
    CLOSED_REQUEST = "closed_request", "closed a request for more on"
    PROLONGED_REQUEST = "prolonged_request", "prolonged a request for more on"
    CONFIRMED_EDITORIAL = "confirmed_editorial", "confirmed a change as editorial on"
    LINKED = "linked", "linked"
    UNLINKED = "unlinked", "unlinked"
    SAID_IT_HOLDS = "said_it_holds", "said that it still holds:"
    SET_CHECK_BACK = "set_check_back", "said when to look again at"
    CHECK_BACK_PASSED = "check_back_passed", "was to look again at"
    ANSWERED_CHALLENGE = "answered_challenge", "answered a challenge on"
    ACCEPTED_ANSWER = "accepted_answer", "accepted an answer on"
    COMMENTED = "commented", "commented on"
    EDITED_COMMENT = "edited_comment", "edited a comment on"
    WITHDREW_COMMENT = "withdrew_comment", "withdrew a comment on"
    PROPOSED_DRAFT = "proposed_draft", "sent a draft to publish:"
    RETURNED_DRAFT = "returned_draft", "gave a draft back:"
    COMMENTED_ON_DRAFT = "commented_on_draft", "commented on a draft:"
    SUBSCRIBED = "subscribed", "subscribed to"
    REDACTED = "redacted", "took a text out of"
    KEPT_ISSUE_AREA = "kept_issue_area", "changed the issue area"
    UNSUBSCRIBED = "unsubscribed", "unsubscribed from"


# Facts that concern nobody but who did them, or that another fact of the same moment tells
UNTOLD = frozenset(
    {
        Verb.JOINED,
        Verb.CHANGED_PROFILE,
        Verb.FOUNDED,
        Verb.WITHDREW,
        Verb.SUBSCRIBED,
        Verb.UNSUBSCRIBED,
        Verb.KEPT_ISSUE_AREA,
        Verb.SET_CHECK_BACK,
        Verb.EDITED_COMMENT,
        Verb.WITHDREW_COMMENT,
        Verb.ANSWERED_CHALLENGE,
        Verb.UNLINKED,
    }
)


class Activity(models.Model):
    """One fact that happened, written once and never changed: notifications, feeds, histories and audit come from it."""

    verb = models.CharField(max_length=32, choices=Verb.choices)
    # Nobody, where a date that passed did it: a verb that the schedule runs
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="activities")
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.PROTECT, null=True, related_name="activities"
    )
    subject_kind = models.CharField(max_length=32)
    subject_id = models.BigIntegerField()
    data = models.JSONField(default=dict)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "activities"
        indexes = [models.Index(fields=["subject_kind", "subject_id", "-id"], name="activity_of_subject")]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject_kind} {self.subject_id}"
