"""granian's own server, but for what it does when a web process dies: that one is started again, alone.

    python -m commons.granian_server OPTIONS OF GRANIAN … TARGET

granian ends the whole server when a process that it started again dies within five seconds. Here the others go on answering,
whatever becomes of one, and it comes back at once, or after a pause that doubles with each death that follows soon.
docs/decisions/0002-web-server.md says what this leans on in granian.
"""

import time
from collections.abc import Callable
from typing import Any

from granian import cli
from granian.server.mp import MPServer

from commons.respawn import SETTLED_SECONDS, Respawn
from commons.steps import ending_in_words, say


class WebServer(MPServer):
    """A server whose processes die one by one, and come back one by one."""

    def _serve_loop(self, spawn_target: Callable[..., None], target_loader: Callable[..., Any]) -> None:
        """Keep as many processes as are wanted, until SIGTERM or SIGINT; or until they cannot even begin.

        One that ends by itself, with an error, twice before any has run for a while will not come up the third time either:
        whoever started the server hears of it by its end.
        """
        lives = [Respawn() for _ in range(self.workers)]
        due: dict[int, float] = {}  # which processes are missing, and when each is started again
        began = time.monotonic()
        while True:
            self.main_loop_interrupt.wait(max(min(due.values()) - time.monotonic(), 0) if due else None)
            self.main_loop_interrupt.clear()
            if self.interrupt_signal:
                return
            while self.interrupt_children:
                number = self.interrupt_children.pop()
                process = self.wrks[number]
                code = process.inner.exitcode
                pause = lives[number].pause_after(time.monotonic() - process.birth)
                if code and code > 0 and lives[number].deaths > 1 and time.monotonic() - began < SETTLED_SECONDS:
                    self.interrupt_children.append(number)  # granian's way to end with code 1
                    return
                later = f" in {pause} s" if pause else ""
                say(f"A web process has ended ({ending_in_words(code or 0)}); starting it again{later}.")
                due[number] = time.monotonic() + pause
            for number in sorted(number for number, at in due.items() if at <= time.monotonic()):
                del due[number]
                self._respawn_workers([number], spawn_target, target_loader)
            if self.reload_signal:
                due.clear()
                self._reload(spawn_target, target_loader)


if __name__ == "__main__":
    cli.Server = WebServer  # type: ignore[misc]
    cli.entrypoint()
