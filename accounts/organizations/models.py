from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from commons import gate

# What a slug may not be: it would stand where one of the site's own pages stands.
RESERVED_SLUGS = frozenset({"new"})


class Kind(models.TextChoices):
    """What sort of organization this is, in its own words."""

    NONPROFIT = "nonprofit", "Nonprofit"
    FOUNDATION = "foundation", "Foundation"
    PUBLIC_AGENCY = "public_agency", "Public agency"
    IMPACT_INVESTOR = "impact_investor", "Impact investor"
    UNIVERSITY = "university", "University"
    NETWORK = "network", "Network"
    OTHER = "other", "Other"


class Language(models.TextChoices):
    """The languages a post can say it is written in (BCP 47 tags)."""

    ARABIC = "ar", "العربية"
    BENGALI = "bn", "বাংলা"
    GERMAN = "de", "Deutsch"
    ENGLISH = "en", "English"
    SPANISH = "es", "Español"
    FRENCH = "fr", "Français"
    HINDI = "hi", "हिन्दी"
    INDONESIAN = "id", "Bahasa Indonesia"
    ITALIAN = "it", "Italiano"
    JAPANESE = "ja", "日本語"
    DUTCH = "nl", "Nederlands"
    POLISH = "pl", "Polski"
    PORTUGUESE = "pt", "Português"
    SWAHILI = "sw", "Kiswahili"
    TURKISH = "tr", "Türkçe"
    UKRAINIAN = "uk", "Українська"
    CHINESE = "zh", "中文"


class Organization(models.Model):
    """Who publishes."""

    name = models.CharField(max_length=gate.NAME)
    slug = models.SlugField(max_length=80, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.NONPROFIT)
    description = models.TextField(max_length=gate.BIO, blank=True)
    website = models.URLField(max_length=300, blank=True)
    language = models.CharField(max_length=8, choices=Language.choices, default=Language.ENGLISH)
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When a moderator vouched for it.")
    founded_at = models.DateTimeField("joined at", default=timezone.now)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("organization", args=[self.slug])

    @property
    def initials(self) -> str:
        """Two letters that stand for the organization where there is no logo."""
        words = [word for word in self.name.split() if word[0].isalnum()]
        return "".join(word[0] for word in words[:2]).upper() or "?"


class Role(models.TextChoices):
    """A member's place in an organization: an owner manages it, an editor publishes, a contributor drafts."""

    OWNER = "owner", "Owner"
    EDITOR = "editor", "Editor"
    CONTRIBUTOR = "contributor", "Contributor"


PUBLISHING_ROLES = (Role.OWNER, Role.EDITOR)


class Membership(models.Model):
    """A member's place in an organization."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.CONTRIBUTOR)
    since = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "organization"], name="one_place_each")]

    def __str__(self) -> str:
        return f"{self.member}, {self.get_role_display().lower()} of {self.organization}"
