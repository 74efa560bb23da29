"""A real IMAP server on this machine: Dovecot, with one mailbox, over TLS."""

import contextlib
import grp
import imaplib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.mail import free_port

USER, PASSWORD = "commons@reply.example", "pass/word@1"
CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_location = maildir:{folder}/mail
mail_fsync = never
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}
}}
"""


class Server:
    """The server, and what a mail server and a person do with its mailbox."""

    def __init__(self, folder: Path, port: int) -> None:
        self.certificate = folder / "cert.pem"
        self.port = port
        self.url = f"imaps://commons%40reply.example:pass%2Fword%401@localhost:{port}/INBOX"

    @contextlib.contextmanager
    def opened(self) -> Iterator[imaplib.IMAP4_SSL]:
        trusted = ssl.create_default_context(cafile=str(self.certificate))
        with imaplib.IMAP4_SSL("localhost", self.port, ssl_context=trusted, timeout=10) as client:
            client.login(USER, PASSWORD)
            client.select("INBOX")
            yield client

    def deliver(self, *mails: bytes) -> None:
        """Put mails into the mailbox, unseen."""
        with self.opened() as client:
            for mail in mails:
                assert client.append("INBOX", "", None, mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))[0] == "OK"

    def flags(self) -> list[set[str]]:
        """The flags of each mail, in their order."""
        with self.opened() as client:
            _, found = client.fetch("1:*", "(FLAGS)")
            return [
                {flag.decode() for flag in imaplib.ParseFlags(each)} - {"\\Recent"}
                for each in found
                if isinstance(each, bytes)
            ]

    def empty(self) -> None:
        with self.opened() as client:
            _, [number] = client.select("INBOX")
            if number != b"0":
                client.store("1:*", "+FLAGS", "(\\Deleted)")
                client.expunge()


@contextlib.contextmanager
def serve() -> Iterator[Server]:
    """Run the server."""
    folder = Path(tempfile.mkdtemp(prefix="imap-"))
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    process = None
    try:
        (folder / "mail").mkdir()
        made = (
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
        )
        files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
        subprocess.run([*made.split(), *files], check=True, capture_output=True)
        port = free_port()
        configuration = folder / "dovecot.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=folder, port=port, user=user.pw_name, group=grp.getgrgid(user.pw_gid).gr_name, password=PASSWORD
            )
        )
        folder.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(folder / "mail", user.pw_uid, user.pw_gid)
        dovecot = os.environ.get("COMMONS_DOVECOT", "/usr/sbin/dovecot")
        process = subprocess.Popen(
            [dovecot, "-F", "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        _wait_for(port, process, folder / "log")
        yield Server(folder, port)
    finally:
        if process:
            process.terminate()
            process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 15
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"Dovecot ended: {log.read_text() if log.exists() else ''}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"Dovecot does not answer: {log.read_text() if log.exists() else ''}")
