"""Draws the pictures that other sites show beside a link to the commons, and its icons.

    python docs/pictures/share_pictures.py

Needs Playwright (in the development requirements) and a Chromium on the PATH. Writes static/share/*.png, one for each
rung, one for what was set aside and one for everything else, and static/icons/. Run it again when the tokens, the
letters or the ladder's glyph change; the results are kept with the code, so that a running site never needs a browser.

The idea is the design's: the line firms up. Dotted, dashed, solid; and set aside, double, the ladder laid on its side.
"""

import base64
import math
import re
import shutil
import struct
import sys
import zlib
from collections import Counter
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

STATIC = Path(__file__).resolve().parents[2] / "static"
SIZE = {"width": 1200, "height": 630}  # Open Graph's
MOST_BYTES = 40_000
QUIETLY = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-lcd-text",
]  # fmt: skip

RUNGS = {"vetted": 170, "emerging": 330, "hunch": 490}  # top to bottom, and how far down each is drawn
WORDS = {
    "hunch": ("Hunch", "Something we are seeing, or suspect."),
    "emerging": ("Emerging approach", "Tried somewhere, with early signals."),
    "vetted": ("Vetted finding", "Tested, and looked at by people with nothing to gain."),
    "aside": ("Set aside", "It did not hold up, or something better took its place. What was learned stays."),
}
LEFT, RIGHT = 690, 1120  # the ladder's rails


def tokens() -> dict[str, tuple[str, str]]:
    """The colours of the stylesheet: name -> light, dark."""
    css = (STATIC / "css" / "tokens.css").read_text()
    return {name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w+), (#\w+)\)", css)}


COLOURS = tokens()
PAPER, INK, QUIET, GREEN, EDGE = (COLOURS[name][0] for name in ("paper", "ink", "ink-2", "green", "edge"))


def letter(name: str) -> str:
    """One of the site's own fonts, as an address that needs no server."""
    return "data:font/woff2;base64," + base64.b64encode((STATIC / "fonts" / f"{name}.woff2").read_bytes()).decode()


def glyph(name: str) -> str:
    """What is drawn inside one of the sprite's symbols."""
    found = re.search(rf'<symbol id="{name}"[^>]*>(.*?)</symbol>', (STATIC / "icons.svg").read_text(), re.DOTALL)
    if not found:
        raise SystemExit(f"icons.svg has no symbol {name}.")
    return found[1]


# The ladder


def rung_line(rung: str, y: int, *, reached: bool, here: bool) -> str:
    """One rung between the rails, drawn as its own kind of line: thin and grey while it is still ahead."""
    wide = 16 if here else 9 if reached else 3
    colour = GREEN if reached else EDGE
    start, end = LEFT + 4, RIGHT - 4
    if rung == "vetted":
        return f'<path d="M{start} {y}H{end}" stroke="{colour}" stroke-width="{wide}"/>'
    many = 13 if rung == "hunch" else 6  # dots, dashes
    step = (end - start) / many
    if rung == "hunch":
        dots = "".join(f'<circle cx="{start + step * (n + 0.5):.1f}" cy="{y}" r="{wide / 2}"/>' for n in range(many))
        return f'<g fill="{colour}">{dots}</g>'
    dashes = "".join(f"M{start + step * (n + 0.17):.1f} {y}h{step * 0.66:.1f}" for n in range(many))
    return f'<path d="{dashes}" stroke="{colour}" stroke-width="{wide}"/>'


def ladder(here: str = "") -> str:
    """The ladder with everything drawn up to the rung one stands on; with all of it when one stands on none."""
    order = list(RUNGS)
    lines = [
        rung_line(rung, y, reached=not here or order.index(rung) >= order.index(here), here=rung == here)
        for rung, y in RUNGS.items()
    ]
    rails = f'<path d="M{LEFT} -10V640M{RIGHT} -10V640" stroke="{GREEN}" stroke-width="8"/>'
    return rails + "".join(lines)


def laid_down() -> str:
    """The ladder laid on its side, at rest, its rungs double."""
    top, bottom = 404, 556  # on the line on which the wordmark stands
    rails = f'<path d="M650 {top}H1210M650 {bottom}H1210" stroke="{EDGE}" stroke-width="8"/>'
    rungs = "".join(
        f'<path d="M{x - 7} {top}V{bottom}M{x + 7} {top}V{bottom}" stroke="{EDGE}" stroke-width="5"/>'
        for x in range(730, 1200, 135)
    )
    return rails + rungs


def names() -> str:
    """The word of each rung, standing on it."""
    return "".join(
        f'<text x="{LEFT + 34}" y="{y - 24}" font-size="36" fill="{INK}">{WORDS[rung][0]}</text>'
        for rung, y in RUNGS.items()
    )


# The pictures


def picture(words: str, drawing: str) -> str:
    """A whole picture: words at the left, the ladder at the right, the wordmark below."""
    return f"""<!doctype html><meta charset="utf-8"><style>
      @font-face {{ font-family: Literata; src: url({letter("literata")}); font-weight: 400 700; }}
      @font-face {{ font-family: Atkinson; src: url({letter("atkinson-next")}); font-weight: 400 700; }}
      body {{ margin: 0; width: 1200px; height: 630px; overflow: hidden; position: relative; background: {PAPER};
        color: {INK}; font-family: Literata; font-optical-sizing: auto; }}
      svg {{ display: block; fill: none; }}
      .drawing {{ position: absolute; inset: 0; font-weight: 560; letter-spacing: -.012em; }}
      .words {{ position: absolute; left: 80px; top: 76px; width: 540px; }}
      h1 {{ margin: 0 0 0 -4px; font-weight: 560; font-size: 96px; line-height: 1.02; letter-spacing: -.028em; }}
      h1.long {{ margin: 0; font-size: 66px; line-height: 1.1; letter-spacing: -.024em; text-wrap: balance; }}
      p {{ margin: 28px 0 0; font: 400 32px/1.4 Atkinson; color: {QUIET}; text-wrap: pretty; }}
      .mark {{ position: absolute; left: 72px; bottom: 66px; display: flex; align-items: center; gap: 14px;
        font-weight: 600; font-size: 34px; letter-spacing: -.02em; }}
      .mark svg {{ width: 46px; height: 46px; color: {GREEN}; stroke: currentColor; }}
    </style>
    <svg class="drawing" viewBox="0 0 1200 630">{drawing}</svg>
    <div class="words">{words}</div>
    <div class="mark"><svg viewBox="0 0 24 24">{glyph("rung-vetted")}</svg> The Commons</div>"""


def icon(size: int) -> str:
    """A maskable icon: the glyph well inside the circle that a phone may cut out."""
    inner = round(size * 0.6)
    return f"""<!doctype html><style>
      body {{ margin: 0; height: 100vh; display: grid; place-content: center; background: {GREEN}; }}
      svg {{ display: block; width: {inner}px; height: {inner}px; fill: none; stroke: #fff; color: #fff; }}
    </style><svg viewBox="0 0 24 24">{glyph("rung-vetted")}</svg>"""


def favicon() -> str:
    """The glyph for a browser's tab: a little sturdier, to be drawn 16 pixels wide, and light where tabs are dark."""
    light, dark = COLOURS["green"]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor">'
        f"<style>svg{{color:{light}}}@media (prefers-color-scheme:dark){{svg{{color:{dark}}}}}</style>"
        '<path d="M3.5 .5v23M20.5 .5v23" stroke-width="2.5"/><path d="M3.5 5.5h17" stroke-width="3.25"/>'
        '<path d="M6.25 12h4.5M13.25 12h4.5" stroke-width="3.25"/>'
        '<path d="M7.5 18.5h.01M12 18.5h.01M16.5 18.5h.01" stroke-width="3.25" stroke-linecap="round"/></svg>\n'
    )


PIXELS = """async (png) => {
  const picture = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
  const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  canvas.drawImage(picture, 0, 0);
  const { data } = canvas.getImageData(0, 0, picture.width, picture.height);
  let text = "";
  for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode(...data.subarray(at, at + 8192));
  return btoa(text);
}"""


def pressed(pixels: bytes, width: int, height: int) -> bytes:
    """A PNG with a palette: the 256 commonest colours, and the nearest of them for the rest. Half as heavy."""
    colours = [pixels[at : at + 3] for at in range(0, len(pixels), 4)]
    palette = {colour: number for number, (colour, _) in enumerate(Counter(colours).most_common(256))}
    kept = list(palette)
    for colour in set(colours) - set(kept):
        palette[colour] = palette[min(kept, key=lambda near: math.dist(near, colour))]
    numbers = bytes(palette[colour] for colour in colours)
    lines = b"".join(b"\0" + numbers[at : at + width] for at in range(0, len(numbers), width))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"PLTE", b"".join(kept)), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in chunks)


def take(page: Page, html: str, path: Path, size: dict[str, int]) -> None:
    """Draw the page and keep the picture of it."""
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.set_content(html)
    page.evaluate("document.fonts.ready")
    shot = base64.b64encode(page.screenshot()).decode()
    path.write_bytes(pressed(base64.b64decode(page.evaluate(PIXELS, shot)), **size))
    heavy = path.stat().st_size
    print(f"{path.relative_to(STATIC)}: {heavy:,} bytes")
    if heavy > MOST_BYTES:
        raise SystemExit(f"{path.name} is heavier than {MOST_BYTES:,} bytes.")


def main() -> None:
    browser_path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not browser_path:
        sys.exit("No Chromium on the PATH.")
    for folder in ("share", "icons"):
        (STATIC / folder).mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=QUIETLY)
        page = browser.new_page(color_scheme="light")
        for name, (word, meaning) in WORDS.items():
            drawing = laid_down() if name == "aside" else ladder(name)
            take(page, picture(f"<h1>{word}</h1><p>{meaning}</p>", drawing), STATIC / "share" / f"{name}.png", SIZE)
        call = '<h1 class="long">Share what you are learning while you are still learning it.</h1>'
        take(page, picture(call, ladder() + names()), STATIC / "share" / "commons.png", SIZE)
        for size in (192, 512):
            take(page, icon(size), STATIC / "icons" / f"icon-{size}.png", {"width": size, "height": size})
        browser.close()
    (STATIC / "icons" / "favicon.svg").write_text(favicon())


if __name__ == "__main__":
    main()
