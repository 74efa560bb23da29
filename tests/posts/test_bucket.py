"""Files in a bucket: the same verbs and pages against a real server that speaks S3."""

import io
import socket
from datetime import timedelta

import boto3
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from moto.server import ThreadedMotoServer
from PIL import Image

from commons.files import storage_of
from knowledge.documents.actions import open_later
from knowledge.posts.attachments import discard_file
from knowledge.posts.conversions import KEEP, forget_conversions
from knowledge.posts.models import Attachment, Conversion
from tests.conversions import JSON, outcome
from tests.make import make_post
from tests.pictures import picture

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def server():
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    bucket = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="/+",
    )
    bucket.create_bucket(Bucket="files")
    yield f"{host}:{port}", bucket
    server.stop()


@pytest.fixture
def in_bucket(settings, server):
    address, bucket = server
    settings.STORAGES = {**settings.STORAGES, "default": storage_of(f"s3+http://key:%2F%2B@{address}/files/commons")}

    def names() -> list[str]:
        return [found["Key"] for found in bucket.list_objects_v2(Bucket="files").get("Contents", [])]

    return names


def send(browser, inside: bytes, name: str = "van.png"):
    """Send a file; gives what comes of it in the end."""
    answer = browser.post("/attachments/", {"file": SimpleUploadedFile(name, inside)}, headers=JSON)
    return outcome(browser, answer)


def test_a_picture_there_and_back(client, signed_in, alice, in_bucket, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        assert send(signed_in(alice), picture("PNG", (800, 600))).status_code == 200
    made = Attachment.objects.get()
    assert in_bucket() == [f"commons/{made.file.name}", f"commons/{made.file.name}-640"]
    assert client.get(made.get_absolute_url()).status_code == 404
    make_post(alice, body=made.markdown)
    for width, address in ((800, made.get_absolute_url()), (640, f"/attachments/{made.pk}/640/{made.name}")):
        answer = client.get(address)
        assert Image.open(io.BytesIO(b"".join(answer.streaming_content))).width == width
        assert answer["Content-Disposition"].startswith("inline")
    assert client.get(f"/attachments/{made.pk}/17/{made.name}").status_code == 404
    other = send(signed_in(alice), b"%PDF-1.7 words", "a.pdf").json()
    assert len(in_bucket()) == 3
    with django_capture_on_commit_callbacks(execute=True):
        discard_file(Attachment.objects.get(name=other["name"]), by=alice)
    assert len(in_bucket()) == 2


def test_a_server_that_is_away(settings, client, signed_in, alice, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    send(signed_in(alice), picture("PNG", (80, 60)))
    make_post(alice, body=Attachment.objects.get().markdown)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        port = taken.getsockname()[1]
        settings.STORAGES = {**settings.STORAGES, "default": storage_of(f"s3+http://k:s@127.0.0.1:{port}/files")}
        answer = send(signed_in(alice), picture("PNG", (80, 60)))
        assert answer.status_code == 422
        assert "cannot be kept at this moment" in answer.json()["error"]
        answer = client.get(Attachment.objects.get().get_absolute_url())
    assert answer.status_code == 503
    assert answer["Retry-After"] == "30"
    assert Attachment.objects.count() == 1


def test_files_that_no_row_names_go_from_a_bucket_too(in_bucket, alice):
    before = set(in_bucket())
    for name in ("a", "b"):
        default_storage.save(f"{Conversion.FOLDER}/{name}", ContentFile(b"x"))
    waits = open_later(SimpleUploadedFile("notes.md", b"Nine in ten."), by=alice)
    forget_conversions(now=timezone.now())
    assert len(in_bucket()) == len(before) + 3
    forget_conversions(now=timezone.now() + KEEP + timedelta(hours=1))
    assert set(in_bucket()) == {*before, f"commons/{waits.file.name}"}


def test_what_a_bucket_has_no_more_is_missing_and_one_that_is_away_is_a_disk_that_fails(settings, in_bucket):
    with pytest.raises(FileNotFoundError):
        default_storage.get_modified_time("conversions/none")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        port = taken.getsockname()[1]
        settings.STORAGES = {**settings.STORAGES, "default": storage_of(f"s3+http://k:s@127.0.0.1:{port}/files")}
        for ask in (default_storage.listdir, default_storage.get_modified_time):
            with pytest.raises(OSError, match=str(port)) as told:
                ask("conversions")
            assert not isinstance(told.value, FileNotFoundError)


@pytest.mark.parametrize("address", ["https://a.example/files", "s3://", "s3://host", "s3://host/", "files"])
def test_an_address_that_is_none(address):
    with pytest.raises(ImproperlyConfigured, match="FILES_URL"):
        storage_of(address)


def test_a_key_with_odd_characters_and_a_region():
    options = storage_of("s3://k%40y:s%2Fe@s3.example:9000/files?region=eu-1")["OPTIONS"]
    assert (options["access_key"], options["secret_key"], options["region_name"]) == ("k@y", "s/e", "eu-1")
    assert (options["endpoint_url"], options["bucket_name"], options["location"]) == (
        "https://s3.example:9000",
        "files",
        "",
    )


def test_a_folder_loads_nothing_of_it():
    import subprocess
    import sys

    code = (
        "import commons.settings, sys; sys.exit(any(name in sys.modules for name in ('boto3', 'botocore', 'storages')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
