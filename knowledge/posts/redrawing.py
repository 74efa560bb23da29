"""A program of its own that draws a picture anew, so that nothing of the file comes through but what is to be seen.

It reads `picture` in its folder, whatever that claims to be, and writes `drawn` and, for narrower screens, `drawn-640` and the
like, all WebP without metadata: no place, no camera, no words, no profile (colours are turned into sRGB). It answers with
their width and height; or with `refused`, a sentence for whoever sent it.
"""

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from commons import apart

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
LONGEST = 2400  # pixels of the longer side that are kept
SIDE_MOST = 30_000  # pixels of a side: what is longer is no picture that anybody looks at
UNREADABLE = "This picture cannot be read: the file is damaged, or cut off. Open it, save it anew, and send that."
MOVES = "This picture moves, and only a still one can be kept here. Send one of its frames, or link to it."


def main(pixels: int, widths: Sequence[int]) -> dict[str, Any]:
    """Draw the picture anew, and in those of `widths` it is wider than. One of more than `pixels` is refused undecoded."""
    Image.MAX_IMAGE_PIXELS = None  # asked below, with the sizes in the answer
    try:
        with Image.open("picture", formats=FORMATS) as picture:
            if refused := _too_much(picture, pixels):
                return {"refused": refused}
            Image.MAX_IMAGE_PIXELS = pixels  # for what lies within
            lossy = picture.format in ("JPEG", "MPO")
            drawn = _drawn(picture)
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        TypeError,
        KeyError,
        IndexError,
    ):
        return {"refused": UNREADABLE}
    quality = 84 if lossy else 94
    drawn.save("drawn", "WEBP", quality=quality, method=4)
    for width in widths:
        if width < drawn.width:
            height = max(round(drawn.height * width / drawn.width), 1)
            smaller = drawn.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
            smaller.save(f"drawn-{width}", "WEBP", quality=quality, method=4)
    return {"width": drawn.width, "height": drawn.height}


def _too_much(picture: Image.Image, pixels: int) -> str:
    width, height = picture.size
    if width * height > pixels or max(width, height) > SIDE_MOST:
        return (
            f"This picture is {width:,} by {height:,} pixels; one may have {pixels // 1_000_000} million, and no side of more "
            f"than {SIDE_MOST:,}. Send a smaller one."
        )
    if picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1:
        return MOVES
    return ""


def _drawn(picture: Image.Image) -> Image.Image:
    """What is to be seen, upright, no larger than is kept, in sRGB, and bare of all that came with it."""
    picture.draft("RGB", (LONGEST, LONGEST))  # a JPEG is decoded at the size that is wanted
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        picture = picture.point(lambda value: value / 256).convert("L")
    has_alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
    profile = picture.info.get("icc_profile")
    if picture.mode not in ("RGB", "RGBA", "CMYK", "L"):
        picture = picture.convert("RGBA" if has_alpha else "RGB")
    picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS, reducing_gap=3.0)
    drawn = _in_srgb(ImageOps.exif_transpose(picture), profile).convert("RGBA" if has_alpha else "RGB")
    bare = Image.new(drawn.mode, drawn.size)
    bare.paste(drawn)
    return bare


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile or picture.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return picture
    try:
        return (
            ImageCms.profileToProfile(
                picture,
                ImageCms.ImageCmsProfile(io.BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGBA" if picture.mode == "RGBA" else "RGB",
            )
            or picture
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture  # a profile that says nothing


if __name__ == "__main__":
    apart.serve(main)
