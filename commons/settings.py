"""The one settings file. Only what differs between hosts comes from the environment (docs/hosting.md lists it)."""

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
import dj_email_url
from django.utils.functional import SimpleLazyObject

from commons import embedded, files, serving, webhooks
from commons.db import silence

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("COMMONS_VAR", BASE_DIR / "var"))


def _flag(name: str, default: bool = False) -> bool:
    """Whether an environment variable says yes; `default` when it is not set."""
    return os.environ.get(name, "1" if default else "").lower() in {"1", "true", "yes", "on"}


def _host(name: str) -> str:
    """Return a host's name as Django compares it: without its port, its last dot, who signs in there; in small letters."""
    host = name.strip().lower().rpartition("@")[2]
    return re.sub(r":\d*$", "", host).rstrip(".")


def _made_once(name: str, make: Callable[[], str]) -> str:
    """A secret of this installation's own, made once under var/ and readable by its owner alone."""
    path = VAR_DIR / name
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(make())
    try:
        os.link(fresh, path)  # two starting at once agree on one
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()


def _fresh_vapid_key() -> str:
    from commons.push import fresh_key

    return fresh_key()


# What the site is
SITE_NAME = os.environ.get("SITE_NAME", "The Commons")
SITE_URL = os.environ.get("SITE_URL", "http://localhost:8000").rstrip("/")
SITE_CONTACT = os.environ.get("SITE_CONTACT", "hello@commons.example")
TRIAL = _flag("TRIAL")  # the trial shows the mail it sends on a page of its own
DEBUG = _flag("DEV")
SECRET_KEY = os.environ.get("SECRET_KEY") or _made_once("secret_key", lambda: secrets.token_urlsafe(50))
_site = urlsplit(SITE_URL)
ALLOWED_HOSTS = [
    host
    for name in [*os.environ.get("ALLOWED_HOSTS", "").split(","), _site.netloc, "localhost", "127.0.0.1", "[::1]"]
    if (host := _host(name))
]
CSRF_TRUSTED_ORIGINS = [SITE_URL]

# Pages kept in each web process while nothing on them changed; 0 keeps none
KEPT_PAGES = int(os.environ.get("KEPT_PAGES", "200"))

# The WebSub hub that is told when a feed changes, and that every feed names; none by default
WEBSUB_HUB = os.environ.get("WEBSUB_HUB", "")

# Web push: by this key browsers know our messages. One that changes turns push off for everybody
# Made when it is first asked for: whoever only collects static files, as an image does, makes none
VAPID_PRIVATE_KEY = os.environ.get("VAPID_PRIVATE_KEY") or SimpleLazyObject(
    lambda: _made_once("vapid_key", _fresh_vapid_key)
)
PUSH_ALLOW_LOCAL = False  # the tests' push service is on their own machine, without TLS

# Rules of the site
# How much of each a vetted finding wants, and how long a request for more waits once it was answered
VETTED_WANTS = {
    "evidence": int(os.environ.get("VETTED_EVIDENCE", "2")),
    "outside": int(os.environ.get("VETTED_OUTSIDE", "1")),
    "approvals": max(int(os.environ.get("VETTED_APPROVALS", "2")), 1),
}
REQUEST_LAPSES_DAYS = int(os.environ.get("REQUEST_LAPSES_DAYS", "14"))
HOLD_FIRST_POSTS = _flag("HOLD_FIRST_POSTS")  # hold the first post of an unverified organization for a moderator

# Files that members add, in bytes and pixels; and the days after which one that no post names is thrown away
ATTACHMENT_LIMIT = serving.FILE_LIMIT
MEMBER_LIMIT = int(os.environ.get("MEMBER_MB", "1000")) * 1024 * 1024  # all of one member's
PICTURE_PIXELS = int(os.environ.get("PICTURE_MEGAPIXELS", "60")) * 1_000_000
KEEP_UNNAMED_DAYS = 7

INSTALLED_APPS = [
    "commons",
    "accounts",
    "knowledge",
    "allauth",
    "allauth.account",
    "taggit",
    "procrastinate.contrib.django",
    "django_htmx",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "commons.headers.PageHeaders",
    "commons.faults.DatabaseAway",
    "knowledge.stored.compressed.CompressedFeeds",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "commons.static_files.MissingStaticFile",
    "commons.gate.GateMiddleware",
    "commons.pace.PaceMiddleware",
    "knowledge.stored.kept.Unchanged",
    "commons.sessions.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "commons.meanwhile.ChangedMeanwhile",
]

ROOT_URLCONF = "commons.urls"
WSGI_APPLICATION = "commons.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "commons.site.context",
            ],
            "builtins": ["commons.template_filters", "django.templatetags.static"],
        },
    }
]

# Database: PostgreSQL only. A statement or a lock that takes too long is given up: a reader gets a clear page, nothing hangs.
# Without a server named, the one that bin/start keeps running: commands beside it (manage.py ...) need nothing set
_database = dj_database_url.parse(os.environ.get("DATABASE_URL") or embedded.url(VAR_DIR / "database"))
DATABASES = {
    "default": {
        **_database,
        "ENGINE": "commons.db",  # Django's own, on lines that give up a database that has gone silent
        "CONN_MAX_AGE": None,  # a connection a thread, for as long as it lives (commons/faults.py clears dead ones)
        "OPTIONS": {
            **_database.get("OPTIONS", {}),
            "connect_timeout": silence.CONNECT_SECONDS,
            # A host that vanished is noticed where nothing is asked of it, too: by the system, which asks
            "keepalives_idle": 20,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,  # ms
            "server_side_binding": True,
            "prepare_threshold": 3,
            "options": " ".join(
                f"-c {name}={value}"
                for name, value in {
                    "statement_timeout": os.environ.get("STATEMENT_TIMEOUT", "10s"),
                    "lock_timeout": os.environ.get("LOCK_TIMEOUT", "5s"),
                    "idle_in_transaction_session_timeout": "30s",
                    "jit": "off",
                }.items()
            ),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "commons.cache.UnculledDatabaseCache", "LOCATION": "cache"}}

# People
AUTH_USER_MODEL = "accounts.Member"
AUTHENTICATION_BACKENDS = ["accounts.backend.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
     "OPTIONS": {"user_attributes": ("email", "handle", "name")}},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]  # fmt: skip
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_FORMS = {
    "login": "accounts.members.forms.SignInForm",
    "signup": "accounts.members.forms.SignUpForm",
    "add_email": "accounts.members.forms.NewAddressForm",
    "change_password": "accounts.members.forms.ChangePasswordForm",
    "set_password": "accounts.members.forms.SetPasswordForm",
    "reset_password": "accounts.members.forms.ForgottenPasswordForm",
    "reset_password_from_key": "accounts.members.forms.ResetPasswordForm",
    "reauthenticate": "accounts.members.forms.ConfirmItIsYouForm",
    "request_login_code": "accounts.members.forms.AskForCodeForm",
    "confirm_login_code": "accounts.members.forms.SignInCodeForm",
    "confirm_email_verification_code": "accounts.members.forms.AddressCodeForm",
    "confirm_password_reset_code": "accounts.members.forms.PasswordCodeForm",
}
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True  # whoever has the code and the new password has shown enough
ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "length": 8}  # 1234-5678; three tries a code
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 15 * 60  # mail may be slow, and so may people
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
# Beside allauth's own. Mail to an address is counted by us (accounts/members/asked_mail.py), so that a stranger who asks for
# much of it does not keep its owner from asking; here only by who asks
ACCOUNT_RATE_LIMITS = {
    "confirm_email": "",
    "follow_by_mail": "20/h/ip",
    "request_login_code": "20/m/ip,500/d/ip",
    "reset_password": "20/m/ip,500/d/ip",
    "signup": "20/m/ip,300/d/ip",
}
ALLAUTH_RATE_LIMIT_IPV6_PREFIX = (
    64  # bits of an IPv6 address that a limit counts: one line has them, and chooses the others
)
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_USER_DISPLAY = "accounts.members.models.display_name"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _site.scheme
# How many proxies of our own stand before the site: rate limits count by the address that the first of them saw.
ALLAUTH_TRUSTED_PROXY_COUNT = int(os.environ.get("TRUSTED_PROXIES", "0"))
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

# Sessions, forms, cookies
SESSION_ENGINE = "commons.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SILENCED_SYSTEM_CHECKS = ["security.W002"]  # no X-Frame-Options: the policy's frame-ancestors says it on every page
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "knowledge.views.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE = 3 * 1024 * 1024  # a body of 200,000 characters, percent-encoded
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200

# Security: everything a browser can be told
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if _site.scheme == "https":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_SSL_HOST = _site.netloc  # whatever the request says that its host is
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# Language, time
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

# Static files: hashed names, compressed once
STATIC_URL = serving.STATIC
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT") or VAR_DIR / "static")  # an image brings its own
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": files.storage_of(os.environ.get("FILES_URL", "")),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_MAX_AGE = 60 * 60
MEDIA_ROOT = VAR_DIR / "media"

# Mail
DEFAULT_FROM_EMAIL = os.environ.get("MAIL_FROM", f"{SITE_NAME} <{SITE_CONTACT}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_TIMEOUT = 15
if EMAIL_URL := os.environ.get("EMAIL_URL"):
    _mail = dj_email_url.parse(EMAIL_URL)
    EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
    EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"], _mail["EMAIL_HOST_PASSWORD"]
    EMAIL_USE_TLS, EMAIL_USE_SSL = _mail["EMAIL_USE_TLS"], _mail["EMAIL_USE_SSL"]
elif TRIAL:
    EMAIL_BACKEND = "commons.mail.MailboxBackend"
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

# Mail that comes: the host of the addresses at which it is taken (reply+…@host); without one, none is
MAIL_REPLY_HOST = os.environ.get("MAIL_REPLY_HOST", "").lower()
# The mailbox it is fetched from, by TLS: imaps://user:password@host/INBOX (name and password percent-encoded)
INBOUND_IMAP_URL = os.environ.get("INBOUND_IMAP_URL", "")
# The mail provider whose webhooks tell what became of mail, and hand on mail that came; and how they show that it is they
ANYMAIL_PROVIDER = os.environ.get("ANYMAIL_PROVIDER", "").lower()
ANYMAIL = webhooks.settings_of(
    ANYMAIL_PROVIDER,
    secret=os.environ.get("ANYMAIL_WEBHOOK_SECRET", ""),
    signing_key=os.environ.get("ANYMAIL_SIGNING_KEY", ""),
)

# Background jobs
PROCRASTINATE_IMPORT_PATHS = ["knowledge.jobs"]
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

TAGGIT_CASE_INSENSITIVE = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "commons.logs.WithoutSecrets", "format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "django.security.DisallowedHost": {"level": "ERROR"},
        "procrastinate": {"level": "WARNING"},
    },
}
