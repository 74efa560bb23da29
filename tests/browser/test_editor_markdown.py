"""The editor's Markdown beside the site's own: what opens visually reads the same when all of it is written anew."""

import json
import random
import tomllib
from pathlib import Path

import pytest

from commons import markup

HERE = Path(__file__).parent
MARISOL = "marisol@harborstreet.example"
PIECES = [
    *(
        "a",
        "b c",
        " ",
        " ",
        "\n",
        "\n\n",
        "*",
        "**",
        "_",
        "__",
        "~~",
        "`",
        "```\n",
        "# ",
        "## ",
        "- ",
        "* ",
        "1. ",
        "2) ",
        "> ",
    ),
    *(
        "[",
        "](",
        ")",
        "!",
        "[x](/y)",
        '![p](/q "r")',
        "| a | b |\n| --- | :-: |\n| c | d |\n",
        "|",
        "---\n",
        "===\n",
        "\\",
        "&amp;",
    ),
    *(
        "<",
        "<https://e.example>",
        "https://e.example/a_b",
        "www.e.example",
        "a@e.example",
        "[^1]",
        "\n\n[^1]: note\n",
        "[a]: /b\n",
    ),
    *("[ ] ", "- [x] ", "    ", "\t", "  \n", "@marisol", "é", "“", "<b>"),
]
# For each text: how it would be written anew, whether it comes back as it was, and what becomes of it where one block is changed
OPEN = """async (texts) => {
    const { opening, write } = await import(document.querySelector("script[src*='/editor/']").src);
    const all = [];
    for (const text of texts) {
        const { kept, why } = await opening(text, () => true);
        if (why) { all.push({ why }); continue; }
        const changes = [];
        kept.doc.forEach((node, offset) => {
            const { schema } = node.type;
            let at = -1;
            node.nodesBetween(0, node.content.size, (one, pos) => { if (at < 0 && one.isTextblock) at = pos + 1; });
            if (node.isTextblock) at = 0;
            if (at < 0 || node.type.name === "source") return;
            const word = schema.text("changed ");
            const doc = kept.doc.replace(offset + 1 + at, offset + 1 + at, new (kept.doc.slice(0).constructor)(
                kept.doc.content.constructor.from(word), 0, 0));
            changes.push([kept.markdown(doc), write(doc)]);
        });
        all.push({ anew: write(kept.doc), same: kept.markdown(kept.doc) === text, changes });
    }
    return all;
}"""


@pytest.fixture
def opened(open_page):
    page = open_page(member=MARISOL)
    page.goto("/posts/new/")
    page.wait_for_selector(".ProseMirror")
    return lambda texts: page.evaluate(OPEN, texts)


def visual(texts, opened):
    """Those of the texts that open visually, once it is sure that none of them changes unseen; and what stays as it was."""
    found = []
    for text, one in zip(texts, opened(texts), strict=True):
        if "why" in one or not markup.reads_alike(text, one["anew"]):
            continue
        found.append(text)
        assert one["same"], text
        for changed, whole in one["changes"]:
            assert "changed" in changed, text
            assert markup.reads_alike(changed, whole), (text, changed, whole)
    return found


def test_every_example_of_commonmark_stays_as_it_is_or_opens_as_plain_text(opened, record_property, capsys):
    examples = json.loads((HERE / "commonmark.json").read_text(encoding="utf-8"))["examples"]
    share = len(visual(examples, opened)) / len(examples)
    record_property("share", share)
    with capsys.disabled():
        print(f"\n{share:.1%} of CommonMark's {len(examples)} examples open visually")
    assert share > 0.9


def test_every_sample_post_opens_visually(opened):
    paths = sorted((HERE.parents[1] / "knowledge/sample/posts").glob("*.toml"))
    posts = [tomllib.loads(path.read_text(encoding="utf-8")) for path in paths]
    bodies = [body for post in posts for body in bodies_of(post)]
    assert len(bodies) >= 40
    assert visual(bodies, opened) == bodies


def bodies_of(thing):
    """Every body that stands anywhere in a sample post: its versions', in whatever table they are."""
    if isinstance(thing, dict):
        own = [thing["body"]] if isinstance(thing.get("body"), str) else []
        return own + [body for value in thing.values() for body in bodies_of(value)]
    return [body for value in thing for body in bodies_of(value)] if isinstance(thing, list) else []


@pytest.mark.parametrize("seed", range(2))
def test_texts_at_random_stay_as_they_are_or_open_as_plain_text(opened, seed):
    chance = random.Random(seed)
    texts = ["".join(chance.choices(PIECES, k=chance.randint(2, 25))) for _ in range(150)]
    assert len(visual(texts, opened)) > 75
