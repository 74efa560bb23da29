"""Programs as `commons/apart.py` runs them: an honest one, and some that it must end."""

import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

from commons import apart


def main(what: str) -> dict[str, Any]:
    if what == "told":
        Path("here").write_text("x")
        return {"environment": sorted(os.environ), "folder": str(Path.cwd()), "django": "django" in sys.modules}
    if what == "endless":
        while True:
            pass
    if what == "asleep":
        time.sleep(60)
    if what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "large":
        bytearray(2 * apart.MEMORY)
    if what == "nonsense":
        print("{")
    if what == "full":
        Path("/dev/full").write_bytes(b"x")
    if what == "writes":
        Path("large").write_bytes(b"x" * (apart.WRITTEN + 1))
    return {"limits": [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU)]}


if __name__ == "__main__":
    apart.serve(main)
