"""Pictures as cameras, phones and enemies make them."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

PLACE = b"52.3702N-here-was-the-shelter"  # stands for what a camera writes beside a picture


def picture(kind: str = "JPEG", size: tuple[int, int] = (800, 600), mode: str = "RGB", **options: Any) -> bytes:
    """A picture with something to see: red on its left, blue on its right."""
    drawn = Image.new("RGB", size, (200, 30, 30))
    drawn.paste((30, 30, 200), (size[0] // 2, 0, size[0], size[1]))
    file = io.BytesIO()
    drawn.convert(mode).save(file, kind, **options)
    return file.getvalue()


def photograph(size: tuple[int, int] = (1600, 1200), orientation: int = 6) -> bytes:
    """A JPEG as a phone held upright makes it: lying on its side, with words, a camera and a place."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = PLACE.decode()
    exif[0x0110] = "Camera 7"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 22.0, 12.72), 3: "E", 4: (4.0, 53.0, 42.6)})
    return picture(size=size, exif=exif.tobytes(), comment=PLACE)


def huge_png(width: int = 50_000, height: int = 50_000) -> bytes:
    """A PNG of a few kilobytes that says it is so large; and would be, if one decoded it."""

    def chunk(kind: bytes, inside: bytes) -> bytes:
        return struct.pack(">I", len(inside)) + kind + inside + struct.pack(">I", zlib.crc32(kind + inside))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 10_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def moving(frames: int = 3, kind: str = "GIF") -> bytes:
    """A picture that moves."""
    drawn = [Image.new("RGB", (60, 40), (number * 60, 0, 0)) for number in range(frames)]
    file = io.BytesIO()
    drawn[0].save(file, kind, save_all=True, append_images=drawn[1:])
    return file.getvalue()
