"""Where the files are kept that members add: in a folder of this machine, or in a bucket of a server that speaks S3."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import File

if TYPE_CHECKING:
    import datetime as dt

SCHEMES = {"s3": "https", "s3+http": "http"}  # without TLS only within a machine, or a network of one's own
FORM = "s3://key:secret@host/bucket?region=…"
SECONDS = 10  # that a server may take to connect, or to send the next bytes; asked twice


def storage_of(url: str) -> dict[str, Any]:
    """What Django is told of this place: `s3://key:secret@host/bucket?region=…`, or "" for a folder.

    Raises ImproperlyConfigured for what is no such address. Without a key, boto3 finds one where it always does.
    """
    if not url:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    parts = urlsplit(url)
    bucket, location = parts.path.strip("/").partition("/")[::2]
    if parts.scheme not in SCHEMES or not parts.hostname or not bucket:
        raise ImproperlyConfigured(f"FILES_URL must look like {FORM}")
    host = parts.netloc.rpartition("@")[2]
    return {
        "BACKEND": "commons.files.Bucket",
        "OPTIONS": {
            "endpoint_url": f"{SCHEMES[parts.scheme]}://{host}",
            "bucket_name": bucket,
            "location": location,
            "access_key": unquote(parts.username) if parts.username else None,
            "secret_key": unquote(parts.password) if parts.password else None,
            "region_name": parse_qs(parts.query).get("region", ["us-east-1"])[0],
        },
    }


def __getattr__(name: str) -> Any:
    """`Bucket`, made when it is first asked for: what it stands on is large, and a commons with a folder never loads it."""
    if name != "Bucket":
        raise AttributeError(name)
    globals()[name] = _bucket()
    return globals()[name]


def _bucket() -> type:
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
    from storages.backends.s3 import S3Storage

    @contextlib.contextmanager
    def told() -> Iterator[None]:
        """A server that is away, or refuses, is what a disk that fails is: an OSError. What it does not have is not found."""
        try:
            yield
        except ClientError as failed:
            missing = failed.response.get("Error", {}).get("Code") in ("404", "NoSuchKey")
            raise (FileNotFoundError if missing else OSError)(str(failed)) from failed
        except BotoCoreError as failed:
            raise OSError(str(failed)) from failed

    class Bucket(S3Storage):  # type: ignore[misc]
        """A bucket that nobody but the commons reads: it gives out no addresses."""

        def __init__(self, **options: Any) -> None:
            config = Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=SECONDS,
                read_timeout=SECONDS,
                retries={"total_max_attempts": 2},
                # Servers other than Amazon's do not all know the newer checksums
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            )
            super().__init__(client_config=config, file_overwrite=False, default_acl=None, **options)

        def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
            with told():
                file: File[bytes] = super()._open(name, mode)
                file.seek(0)  # it is fetched here, where a failure can still be answered
            return file

        def _save(self, name: str, content: "File[bytes]") -> str:
            with told():
                return str(super()._save(name, content))

        def delete(self, name: str) -> None:
            with told():
                super().delete(name)

        def exists(self, name: str) -> bool:
            with told():
                return bool(super().exists(name))

        def listdir(self, name: str) -> tuple[list[str], list[str]]:
            with told():
                folders, files = super().listdir(name)
                return folders, files

        def get_modified_time(self, name: str) -> "dt.datetime":
            with told():
                at: dt.datetime = super().get_modified_time(name)
                return at

    return Bucket
