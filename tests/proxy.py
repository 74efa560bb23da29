"""A line to PostgreSQL that breaks where a test wants it to: a TCP proxy in front of a server's socket."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from commons.embedded import DATABASE, SUPERUSER


@dataclass
class Cut:
    """Where the line breaks: at the so-manieth packet from the client, or at the so-manieth COMMIT."""

    at: int
    is_sent: bool  # whether that packet still reaches the server, whose answer then reaches nobody
    commits_only: bool = False


class Line:
    """One connection, from a client to the server and back."""

    def __init__(self, proxy: "Proxy", client: socket.socket, server: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.is_cut = False
        for pump in (self.to_server, self.to_client):
            threading.Thread(target=pump, daemon=True).start()

    def to_server(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.client.recv(1 << 16):
                if self.proxy.is_silent(self):
                    continue
                cut = self.proxy.reached(data)
                if cut and not cut.is_sent:
                    break
                self.is_cut = bool(cut)
                self.server.sendall(data)
        if not self.is_cut:
            self.end()

    def to_client(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.server.recv(1 << 16):
                if self.is_cut:  # the server has done it, and says so: to nobody
                    break
                if not self.proxy.is_silent(self):
                    self.client.sendall(data)
        self.end()

    def end(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for end in (self.client, self.server):
            end.close()


class Proxy:
    """The proxy: passes everything on, until it is told to cut, or to fall silent."""

    def __init__(self, host: str, port: int | str = 5432) -> None:
        """`host` is a server's name, or the folder in which its socket lies."""
        self.server = (host, int(port))
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lines: list[Line] = []
        self.lock = threading.Lock()
        self.cut: Cut | None = None
        self.silenced: set[Line] = set()
        self.silences_new = False
        threading.Thread(target=self.accept, daemon=True).start()

    def reach_server(self) -> socket.socket:
        host, port = self.server
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}@127.0.0.1:{self.port}/{DATABASE}"

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                try:
                    server = self.reach_server()
                except OSError:
                    client.close()
                    continue
                with self.lock:
                    line = Line(self, client, server)
                    self.lines.append(line)
                    if self.silences_new:
                        self.silenced.add(line)

    def is_silent(self, line: Line) -> bool:
        return line in self.silenced

    def reached(self, data: bytes) -> Cut | None:
        """Whether the line breaks at this packet."""
        with self.lock:
            cut = self.cut
            if cut is None or (cut.commits_only and b"COMMIT" not in data):
                return None
            cut.at -= 1
            if cut.at > 0:
                return None
            self.cut = None
            return cut

    @contextmanager
    def cutting(self, at: int, *, is_sent: bool, commits_only: bool = False) -> Iterator[None]:
        """Within this the line breaks, once, where it says."""
        self.cut = Cut(at, is_sent, commits_only)
        try:
            yield
        finally:
            self.cut = None

    @contextmanager
    def silent(self, *, new: bool = True) -> Iterator[None]:
        """Within this nothing is passed on, and nobody is told: on lines that are there, and on new ones.

        TCP goes on saying that all is well. What was swallowed stays so.
        """
        with self.lock:
            self.silenced.update(self.lines)
            self.silences_new = new
        try:
            yield
        finally:
            self.silences_new = False

    def end(self) -> None:
        self.listener.close()
        for line in self.lines:
            line.end()
