from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import apps
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.functional import cached_property

from accounts.members.limits import SETTLED_AFTER
from commons import gate
from commons.slugs import slug_of

if TYPE_CHECKING:
    from accounts.organizations.models import Organization

# What a handle may not be: words that would pass for the site's own voice.
RESERVED_HANDLES = frozenset(
    {
        "admin",
        "administrator",
        "all",
        "commons",
        "everyone",
        "help",
        "me",
        "moderator",
        "moderators",
        "staff",
        "support",
    }
)
UNREAD_MOST = 100  # unread notifications are counted so far; more are "99+"
HANDLE_ENDING = "abcdefghijkmnpqrstuvwxyz23456789"  # nothing one could misread
# What a moderator reads in the admin, and what they may change there. Other packages' pages act without our verbs.
READ = frozenset({"accounts", "commons", "knowledge"})
MODERATED = frozenset({"issuearea", "organization"})


class MemberManager(BaseUserManager["Member"]):
    """Makes members; a handle is found for those who bring none."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Member":
        fields.setdefault("name", email.partition("@")[0])
        fields.setdefault("handle", free_handle(fields["name"]))
        member = self.model(email=email.lower(), **fields)
        member.set_password(password)
        member.save(using=self._db)
        return member

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "Member":
        return self.create_user(email, password, is_moderator=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "Member":
        return self.get(email=(username or "").lower())


class Member(AbstractBaseUser, PermissionsMixin):
    """A person with an account. The row stays when the person leaves, so that a handle is never used again."""

    email = models.EmailField("e-mail address", max_length=254, unique=True)
    handle = models.CharField(
        max_length=30,
        unique=True,
        validators=[RegexValidator(f"^{gate.HANDLE}$", "Use small letters, figures, - and _; begin with a letter.")],
        help_text="What others write after @ to name this member. Never given to anybody else.",
    )
    name = models.CharField(max_length=gate.NAME)
    bio = models.TextField(max_length=gate.BIO, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    is_active = models.BooleanField(default=True)
    is_moderator = models.BooleanField(default=False)
    joined_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(
        null=True, editable=False
    )  # when they first signed in, with a confirmed address
    # Counts up with everything personal that this member's own pages show; a change makes their copies stale.
    personal_stamp = models.BigIntegerField(default=0)

    organizations: "models.ManyToManyField[Organization, Any]" = models.ManyToManyField(
        "accounts.Organization", through="accounts.Membership", related_name="members"
    )

    objects: ClassVar[MemberManager] = MemberManager()  # type: ignore[assignment]

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="member_email_any_case"),
            models.CheckConstraint(condition=models.Q(handle__regex=f"^{gate.HANDLE}$"), name="member_handle_form"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("member", args=[self.handle])

    @property
    def is_staff(self) -> bool:
        """Who may open the admin: the moderators."""
        return self.is_moderator or self.is_superuser

    @property
    def initials(self) -> str:
        """One or two letters that stand for the member where there is no picture."""
        words = self.name.split()
        return "".join(word[0] for word in (words[0], words[-1])[: len(words)]).upper() if words else "?"

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Moderators read everything of ours in the admin and change what they keep; a superuser may do all."""
        if self.is_active and self.is_superuser:
            return True
        app, _, what = perm.partition(".")
        action, _, model = what.partition("_")
        if not (self.is_active and self.is_moderator and app in READ):
            return False
        return action == "view" or (action in {"add", "change"} and model in MODERATED)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and (self.is_superuser or (self.is_moderator and app_label in READ))

    @property
    def is_settled(self) -> bool:
        """Whether this member has been here for a while: new ones may do less at a time."""
        return self.confirmed_at is not None and timezone.now() - self.confirmed_at > SETTLED_AFTER

    def belongs_to(self, organization: "Organization") -> bool:
        """Whether this member holds any role in the organization."""
        return organization.pk in self.organization_ids

    @cached_property
    def roles(self) -> dict[int, str]:
        """The member's role in each organization, by its key; a request's member comes with them (accounts/backend.py)."""
        return dict(self.memberships.values_list("organization_id", "role"))

    @cached_property
    def unread(self) -> int:
        """How many notifications wait to be read, as far as they are counted (UNREAD_MOST); comes with a request's member too."""
        return len(unread_of(self.pk))

    @cached_property
    def mail_comes_back(self) -> bool:
        """Whether something stops mail to this member's address; comes with a request's member too."""
        return bounces_of(self.email).exists()

    @property
    def organization_ids(self) -> frozenset[int]:
        """The organizations this member belongs to."""
        return frozenset(self.roles)


def unread_of(member: Any) -> Any:
    """A member's unread notifications (a table of the floor above, named by its string), no more of them than are counted."""
    notifications = apps.get_model("knowledge", "Notification")._default_manager
    return notifications.filter(member=member, read_at=None).order_by()[:UNREAD_MOST]


def bounces_of(address: Any) -> Any:
    """What stops mail to an address (in a table of the floor above, named by its string)."""
    return apps.get_model("knowledge", "Bounce")._default_manager.stopping(address)


def display_name(member: Member) -> str:
    """How a member is greeted in mails."""
    return member.name


def free_handle(name: str) -> str:
    """A handle made of a name that nobody has or had, such as `ana-silva` or, where that is taken, `ana-silva-7f3`."""
    base = slug_of(name, limit=24, fallback="member")
    if not base[0].isalpha() or len(base) < 2:
        base = slug_of(f"member-{base}", limit=24, fallback="member")
    handle, length = base, 3
    while handle in RESERVED_HANDLES or Member.objects.filter(handle=handle).exists():
        handle = f"{base}-{get_random_string(length, HANDLE_ENDING)}"
        length = 5
    return handle
