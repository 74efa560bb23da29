"""Make a big commons for measuring: `--posts 100000`, written through COPY, with distributions like real ones.

Its texts are paragraphs of the sample commons, put together anew; its people and organizations are numbers. The same `--seed`
makes the same commons. It is written in batches: killed and started again with the same numbers, it goes on after the last whole
one. A database in which anything else is makes it refuse.
"""

import datetime as dt
import random
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.management.base import CommandError
from django.db import connection, transaction

from accounts.members.models import Member
from accounts.organizations.models import Organization
from commons import markup
from commons.long_command import LongCommand, Progress
from knowledge.management.big_record import Record
from knowledge.management.commands.load_sample import SAMPLE
from knowledge.management.copying import copy
from knowledge.posts.models import Post, Version
from knowledge.topics.models import IssueArea, Place

BATCH = 2_000  # posts written in one transaction
POOL = 2_000  # rendered bodies to draw from
TAGS = 1_500
FIRST_DAY, LAST_DAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
WITHDRAWN = 0.01  # share of posts
NEVER_COMMENTED = 0.45  # share of posts
MEASURED = {1: 20, 2: 50}  # the posts that benchmarks look at: number -> comments
LANGUAGES = (["en"] * 17) + ["es", "pt", "fr"]


class Command(LongCommand):
    help = "Make a big invented commons for benchmarks. Killed, it goes on where it was when it is started again."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--posts", type=int, default=10_000)
        parser.add_argument("--seed", type=int, default=7)

    def handle(self, *args: Any, **options: Any) -> None:
        Maker(options["posts"], random.Random(options["seed"]), self.stdout.write).make()  # noqa: S311


@dataclass
class Batch:
    """Rows of some posts, table by table."""

    posts: list[list[Any]] = field(default_factory=list)
    versions: list[tuple[Any, ...]] = field(default_factory=list)
    listings: list[tuple[Any, ...]] = field(default_factory=list)
    comments: list[tuple[Any, ...]] = field(default_factory=list)
    tagged: list[tuple[int, int]] = field(default_factory=list)
    placed: list[tuple[int, int]] = field(default_factory=list)
    in_areas: list[tuple[int, int]] = field(default_factory=list)
    authored: list[tuple[int, int, int]] = field(default_factory=list)


class Maker:
    """Writes one big commons, batch by batch. What is written already is drawn again, so that the rest is the same, and left."""

    def __init__(self, posts: int, dice: random.Random, tell: Callable[[str], Any]) -> None:
        self.count, self.dice, self.tell = posts, dice, tell
        self.organizations = max(posts // 60, 12)
        self.members = self.organizations * 3
        self.areas = {area.pk: area.parent_id for area in IssueArea.objects.all()}
        self.around = dict(Place.objects.values_list("pk", "parent_id"))
        self.places = list(Place.objects.order_by("-population").values_list("pk", flat=True)[:600])
        self.written = 0  # posts that an earlier run has left, whole

    def make(self) -> None:
        """Write what is not there yet. Raises CommandError for a database that holds anything else."""
        self.written = self._find_written()
        if self.written:
            self.tell(f"{self.written:,} posts are there already; going on after them.")
        self._write_people()
        self._write_pool()
        self._write_posts()
        self._finish()
        self.tell(f"{self.count:,} posts from {self.organizations:,} organizations.")

    def _find_written(self) -> int:
        """Return how many posts an earlier run has left. Raises CommandError where the rows are not such a run's."""
        organizations, posts = Organization.objects.count(), Post.objects.count()
        whole = posts == self.count or (posts < self.count and posts % BATCH == 0)
        ours = Organization.objects.filter(name=f"Organization {self.organizations}", slug__startswith="organization-")
        as_many = organizations == self.organizations and Member.objects.count() == self.members
        if (organizations or posts) and not (whole and as_many and ours.exists()):
            raise CommandError("There are posts or organizations already. Make a big sample in an empty database.")
        return posts

    def _finish(self) -> None:
        """Write what is one for all posts: counts and stamps of the listings, and from where rows are numbered on."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM knowledge_stamp")
            cursor.execute(
                "INSERT INTO knowledge_stamp (listing, number, at, posts) SELECT kind || CASE kind WHEN 'home' THEN '' ELSE"
                " '-' || object_id END, 1, max(published_at), count(*) FROM knowledge_listing GROUP BY kind, object_id"
            )
            cursor.execute(
                "INSERT INTO knowledge_stamp (listing, number, at, posts)"
                " SELECT 'post-' || number, 1, moved_at, 0 FROM knowledge_post"
            )
            for table, column in (
                ("accounts_organization", "id"), ("accounts_member", "id"), ("accounts_membership", "id"), ("knowledge_tag", "id"),
                ("knowledge_post", "number"), ("knowledge_version", "id"), ("knowledge_comment", "id"), ("knowledge_move", "id"),
                ("knowledge_evidence", "id"), ("knowledge_vetting", "id"), ("knowledge_review", "id"),
                ("knowledge_fieldreport", "id"), ("knowledge_reportversion", "id"), ("knowledge_link", "id"),
            ):  # fmt: skip
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM {table}"  # noqa: S608
                )
            cursor.execute("ANALYZE")

    @transaction.atomic
    def _write_people(self) -> None:
        start = FIRST_DAY - dt.timedelta(days=30)
        kinds = ["nonprofit"] * 6 + ["public_agency", "foundation", "network", "university"]
        kind_of = [self.dice.choice(kinds) for _ in range(self.organizations)]
        if Organization.objects.exists():
            return
        copy(
            "accounts_organization",
            "id name slug kind description website language verified_at founded_at",
            ((n, f"Organization {n}", f"organization-{n}", kind, "One of many.", "", "en", start, start)
             for n, kind in enumerate(kind_of, start=1)),
        )  # fmt: skip
        copy(
            "accounts_member",
            "id email handle name bio time_zone password is_active is_moderator is_superuser joined_at personal_stamp",
            ((n, f"m{n}@people.example", f"m{n}", f"Member {n}", "", "UTC", "!", True, False, False, start, 0)
             for n in range(1, self.members + 1)),
        )  # fmt: skip
        copy(
            "accounts_membership",
            "id member_id organization_id role since",
            ((n, n, (n - 1) // 3 + 1, ("owner", "editor", "contributor")[(n - 1) % 3], start)
             for n in range(1, self.members + 1)),
        )  # fmt: skip
        copy("knowledge_tag", "id name slug", ((n, f"tag {n}", f"tag-{n}") for n in range(1, TAGS + 1)))

    def _write_pool(self) -> None:
        """Some 2,000 texts in a table of this session: body, its HTML and its plain words."""
        progress = Progress("Texts", POOL)
        paragraphs, self.titles, self.takeaways = sample_texts()
        rows = []
        for n in range(POOL):
            body = "\n\n".join(self.dice.sample(paragraphs, min(len(paragraphs), self.dice.randint(4, 12))))[:6000]
            rendered = markup.render(body, prefix=f"p{n}-")
            rows.append((n, body, rendered.html, rendered.words))
            progress.advance()
        progress.end()
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS pool")
            cursor.execute("CREATE TEMPORARY TABLE pool (id int PRIMARY KEY, body text, html text, words text)")
        copy("pool", "id body html words", rows)
        with connection.cursor() as cursor:
            # A version's body is put in by number, so that a text crosses the wire once.
            cursor.execute("ALTER TABLE pool ADD vector tsvector")
            cursor.execute("UPDATE pool SET vector = setweight(to_tsvector('english', words), 'D')")

    def _write_posts(self) -> None:
        progress = Progress("Posts", self.count - self.written)
        batch = Batch()
        record = Record(self.dice, self.organizations, self.takeaways, self.places, LAST_DAY)
        times = sorted(FIRST_DAY + (LAST_DAY - FIRST_DAY) * self.dice.random() ** 0.7 for _ in range(self.count))
        tops = [pk for pk, parent in self.areas.items() if parent is None]
        subs = [pk for pk, parent in self.areas.items() if parent is not None]
        area_weights = zipf(len(subs))
        tag_weights, place_weights = zipf(TAGS), zipf(len(self.places))
        version_id = comment_id = 0
        for number, at in enumerate(times, start=1):
            organization = min(int(self.dice.paretovariate(0.9)), self.organizations)
            author = organization * 3 - self.dice.choice((1, 2))
            areas = {*self.dice.choices(subs, area_weights, k=self.dice.choice((1, 1, 1, 2, 3)))}
            if self.dice.random() < 0.05:
                areas = {self.dice.choice(tops)}
            tags = {*self.dice.choices(range(1, TAGS + 1), tag_weights, k=self.dice.randint(0, 4))}
            places = {*self.dice.choices(self.places, place_weights, k=self.dice.choice((0, 1, 1, 1, 2)))}
            withdrawn = at + dt.timedelta(days=30) if number > 2 and self.dice.random() < WITHDRAWN else None
            title = f"{self.dice.choice(self.titles)[:140]} ({number})"
            takeaway = self.dice.choice(self.takeaways)
            language = self.dice.choice(LANGUAGES)
            last = 1 + (self.dice.random() < 0.3)
            stood = record.rise(number, version_id + last, organization, author, at, still=number in MEASURED)
            case = (
                ("Paying at the viewing.", "Since January.", "", "", "If it is lost.") if stood.rung > 1 else ("",) * 5
            )
            for version in range(1, last + 1):
                version_id += 1
                batch.versions.append((version_id, number, version, title, takeaway, str(self.dice.randrange(POOL)), *case,
                                 sorted(areas), [f"tag {n}" for n in sorted(tags)], sorted(places), language, "CC-BY-4.0",
                                 "Clearer numbers." if version > 1 else "", author, at))  # fmt: skip
            standing = 0 if stood.aside else stood.rung
            batch.posts.append([number, organization, version_id, stood.rung, at, stood.moved, withdrawn, None, None, 0, 0,
                          stood.aside, stood.evidence, stood.reports])  # fmt: skip
            batch.in_areas += [(number, pk) for pk in areas]
            batch.tagged += [(pk, number) for pk in tags]
            batch.placed += [(number, pk) for pk in places]
            batch.authored.append((number, author, 0))
            if withdrawn is None:
                keys: set[tuple[str, int | None]] = {
                    ("home", 0),
                    ("standing", standing),
                    ("organization", organization),
                    ("member", author),
                }
                keys |= {("area", pk) for pk in areas} | {("area", self.areas[pk]) for pk in areas if self.areas[pk]}
                keys |= {("tag", pk) for pk in tags}
                for pk in places:
                    while pk:
                        keys.add(("place", pk))
                        pk = self.around[pk]  # noqa: PLW2901
                batch.listings += [(kind, pk, number, standing, at, stood.moved) for kind, pk in keys]
            said = MEASURED.get(number)
            if said is None:
                said = 0 if self.dice.random() < NEVER_COMMENTED else min(int(self.dice.paretovariate(0.8)), 120)
            thread: list[int] = []
            for n in range(said):
                comment_id += 1
                kind = self.dice.choices(("comment", "question", "see_too", "challenge"), (6, 2, 2, 1))[0]
                parent = self.dice.choice(thread) if thread and self.dice.random() < 0.5 else None
                when = at + dt.timedelta(hours=5 * n + 1)
                words = self.dice.choice(self.takeaways)
                batch.comments.append(
                    (
                        comment_id,
                        number,
                        parent,
                        self.dice.randint(1, self.members),
                        kind,
                        words,
                        when,
                        None,
                        None,
                        organization if kind == "challenge" else None,
                    )
                )
                thread.append(comment_id)
                batch.posts[-1][9] += 1
                batch.posts[-1][10] += kind == "see_too"
            if number == self.written and Version.objects.get(post=number, number=last).title != title:
                raise CommandError("The posts that are there are of another --seed or number of --posts.")
            if number % BATCH == 0 or number == self.count:
                if number > self.written:
                    self._write_batch(batch, record)
                    progress.advance(len(batch.posts))
                record.clear()
                batch = Batch()
        progress.end()

    @transaction.atomic
    def _write_batch(self, batch: "Batch", record: Record) -> None:
        """Write some posts and all that hangs on them: whole, or not at all."""
        copy(
            "knowledge_post",
            "number organization_id shown_id rung published_at moved_at withdrawn_at hidden_at held_at comment_count see_too_count"
            " aside_at evidence_count report_count",
            ([*row[:2], None, *row[3:]] for row in batch.posts),
        )
        with connection.cursor() as cursor:
            # A version is written once, so it waits in a table of its own until its body is put in
            cursor.execute("CREATE TEMPORARY TABLE written (LIKE knowledge_version) ON COMMIT DROP")
        copy(
            "written",
            "id post_id number title takeaway body tried where_since seen seen_source change_mind issue_area_ids tag_names"
            " place_ids language licence note by_id at",
            batch.versions,
        )
        record.write()
        copy("knowledge_listing", "kind object_id post_id standing published_at moved_at", batch.listings)
        copy("knowledge_post_issue_areas", "post_id issuearea_id", batch.in_areas)
        copy("knowledge_post_places", "post_id place_id", batch.placed)
        copy("knowledge_posttag", "tag_id content_object_id", batch.tagged)
        copy("knowledge_postauthor", "post_id member_id position", batch.authored)
        copy(
            "knowledge_comment",
            "id post_id parent_id by_id kind body at edited_at withdrawn_at awaits_id",
            batch.comments,
        )
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE shown (post bigint PRIMARY KEY, version bigint) ON COMMIT DROP")
        copy("shown", "post version", ((row[0], row[2]) for row in batch.posts))
        self._derive()

    def _derive(self) -> None:
        """Write what the verbs would have written beside: shown versions, bodies from the pool, words, activity."""
        statements = (
            "UPDATE knowledge_post p SET shown_id = s.version FROM shown s WHERE s.post = p.number",
            "UPDATE knowledge_fieldreport SET shown_id = id WHERE shown_id IS NULL",
            "INSERT INTO knowledge_words (kind, object_id, vector) SELECT 'post', p.number,"
            " setweight(to_tsvector('english', v.title), 'A') || setweight(to_tsvector('english', v.takeaway), 'B') || pool.vector"
            " FROM knowledge_post p JOIN written v ON v.id = p.shown_id JOIN pool ON pool.id = v.body::int"
            " WHERE p.withdrawn_at IS NULL ORDER BY p.number",
            "INSERT INTO knowledge_fragment (kind, object_id, wanted, made, renderer, html)"
            " SELECT 'body', v.id, 0, 0, '{renderer}', replace(pool.html, 'p' || pool.id || '-', 'v' || v.id || '-')"
            " FROM written v JOIN pool ON pool.id = v.body::int",
            "UPDATE written v SET body = pool.body FROM pool WHERE pool.id = v.body::int",
            "INSERT INTO knowledge_version SELECT * FROM written ORDER BY id",
            "INSERT INTO commons_activity (verb, by_id, organization_id, subject_kind, subject_id, data, at)"
            " SELECT 'published', v.by_id, p.organization_id, 'post', p.number, '{{}}', p.published_at"
            " FROM knowledge_post p JOIN written v ON v.id = p.shown_id",
        )
        from knowledge.stored.fragments import renderer

        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.format(renderer=renderer()) if "{" in statement else statement)


def zipf(count: int) -> list[float]:
    """Weights by which the first is drawn often and the last hardly ever."""
    return [1 / (place + 2) for place in range(count)]


def sample_texts() -> tuple[list[str], list[str], list[str]]:
    """The paragraphs, titles and takeaways of the sample commons."""
    paragraphs, titles, takeaways = [], [], []
    for file in sorted((SAMPLE / "posts").glob("*.toml")):
        for version in tomllib.loads(file.read_text("utf-8"))["version"]:
            paragraphs += [part for part in re.split(r"\n\s*\n", version["body"].strip()) if not part.startswith("[^")]
            titles.append(version["title"])
            takeaways.append(version.get("takeaway") or version["title"])
    if not paragraphs:
        raise CommandError("The sample commons has no posts to take texts from.")
    return paragraphs, titles, takeaways
