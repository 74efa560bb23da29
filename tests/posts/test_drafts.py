"""Drafts: saved as one types, written together by an organization, never at the cost of anybody's words, gone once published."""

import uuid

import pytest
from django.core.exceptions import PermissionDenied

from accounts.organizations.models import Role
from knowledge.notifications.models import Notification
from knowledge.notifications.words import items
from knowledge.posts import drafts
from knowledge.posts.drafts import Words, begin_draft, discard_draft, keep_aside, save_draft
from knowledge.posts.models import Draft, DraftEdition, Post
from tests.make import join, make_member, make_post
from tests.notifications.test_told import tell_all

pytestmark = pytest.mark.django_db

NEW = "/posts/new/"


@pytest.fixture
def draft(alice) -> Draft:
    return begin_draft(by=alice, title="Keys <next> door", body="Nine in ten found nobody.", from_mail=True)


@pytest.fixture
def editor(alice):
    return join(make_member("Edda Editor"), of(alice), Role.EDITOR).member


@pytest.fixture
def contributor(alice):
    return join(make_member("Conny Contributor"), of(alice), Role.CONTRIBUTOR).member


def of(member):
    return member.memberships.get().organization


def form(draft: Draft | None = None, **fields: object) -> dict:
    """What the page sends; as from a page of its own, unless a sitting is given."""
    about = {"draft": draft.pk, "edition": draft.edition} if draft else {"draft": "", "edition": 0}
    return {"sitting": str(uuid.uuid4()), "title": "Keys", "body": "Nine in ten.", **about, **fields}


def saved(browser, draft: Draft | None = None, **fields: object):
    return browser.post("/drafts/save/", form(draft, **fields))


# The list, and opening


def test_a_list_of_ones_own_and_of_ones_organization(signed_in, alice, charlie, editor, draft):
    html = signed_in(alice).get("/drafts/").content.decode()
    assert "Keys &lt;next&gt; door" in html
    assert "by mail, for Harbor Street Housing Desk" in html
    assert f'href="/posts/new/?draft={draft.pk}"' in html
    colleague = signed_in(editor).get("/drafts/").content.decode()
    assert "Begun by your colleagues" in colleague
    assert "Keys &lt;next&gt; door" in colleague
    other = signed_in(charlie).get("/drafts/").content.decode()
    assert "Keys" not in other
    assert "No drafts" in other


def test_it_opens_in_the_form_and_goes_with_publishing(signed_in, alice, draft):
    browser = signed_in(alice)
    page = browser.get(draft.get_absolute_url()).content.decode()
    assert "Keys &lt;next&gt; door" in page
    assert "Nine in ten found nobody." in page
    sent = form(draft, title=draft.title, body=draft.body, area="homelessness", organization=draft.organization_id)
    assert browser.post(NEW, {**sent, "area": ""}).status_code == 422
    assert browser.post(NEW, {**sent, "action": "preview"}).status_code == 200
    assert Draft.objects.count() == 1
    key = "6d0ac9c2-6a5c-4b57-8f4e-9f6f3f3f3f3f"
    first, second = (browser.post(NEW, {**sent, "key": key}) for _ in range(2))
    assert first["Location"] == second["Location"] == Post.objects.get().get_absolute_url()
    assert first.cookies["taken"].value == sent["sitting"]
    assert (Draft.objects.count(), DraftEdition.objects.count()) == (0, 0)
    back = browser.get(draft.get_absolute_url())
    assert back.status_code == 404
    assert "it was published or thrown away" in back.content.decode()


@pytest.mark.parametrize("number", ["x", "-1", "0", "99999999999999999999", "²"])
def test_a_number_that_is_none(signed_in, alice, number):
    assert signed_in(alice).get(f"{NEW}?draft={number}").status_code == 200


def test_nobody_elses(client, signed_in, charlie, draft):
    browser = signed_in(charlie)
    for path in (draft.get_absolute_url(), f"/drafts/{draft.pk}/editions/", f"/drafts/{draft.pk}/share/"):
        assert browser.get(path).status_code == 404
    for act in ("discard", "give-back", "share/change"):
        assert browser.post(f"/drafts/{draft.pk}/{act}/", {"note": "x"}).status_code == 404
        assert client.post(f"/drafts/{draft.pk}/{act}/").status_code == 302
    assert client.get("/drafts/").status_code == 302
    draft.refresh_from_db()
    assert draft.share_key is None


def test_throwing_away_twice_is_once(signed_in, alice, draft):
    browser = signed_in(alice)
    assert browser.get(f"/drafts/{draft.pk}/discard/").status_code == 405
    assert browser.post(f"/drafts/{draft.pk}/discard/")["Location"] == "/drafts/"
    assert browser.post(f"/drafts/{draft.pk}/discard/").status_code == 404
    discard_draft(draft, by=alice)
    assert Draft.objects.count() == 0


def test_a_colleague_who_does_not_publish_throws_nothing_away(alice, contributor, editor, draft):
    with pytest.raises(PermissionDenied):
        discard_draft(draft, by=contributor)
    discard_draft(draft, by=editor)
    assert not Draft.objects.exists()


def test_without_one_organization_it_is_for_none_yet():
    assert begin_draft(by=make_member(), title="", body="x").organization is None


# Saving as one types


def test_the_first_words_begin_a_draft_and_the_next_are_saved_in_it(signed_in, alice):
    browser, page = signed_in(alice), str(uuid.uuid4())
    told = saved(browser, sitting=page, places=["Leeds", ""], tags="rent, keys", rung="emerging").json()
    draft = Draft.objects.get()
    assert told == {"draft": draft.pk, "edition": 1, "address": f"/posts/new/?draft={draft.pk}"}
    assert draft.typed == {"places": ["Leeds", ""], "tags": ["rent, keys"], "rung": ["emerging"]}
    told = saved(browser, draft, sitting=page, body="Nine in ten. More.", places=["Leeds", "Kenya"]).json()
    assert told["edition"] == 2
    html = browser.get(told["address"]).content.decode()
    for words in ("Nine in ten. More.", 'value="Leeds"', 'value="Kenya"'):
        assert words in html


def test_nothing_typed_is_no_draft(signed_in, alice):
    assert saved(signed_in(alice), title=" ", body="\n", area="homelessness").json() == {}
    assert not Draft.objects.exists()


def test_an_answer_that_was_lost_makes_no_second_draft_and_no_conflict(signed_in, alice):
    browser, page = signed_in(alice), str(uuid.uuid4())
    for number in range(3):  # the page knows neither the draft nor its edition
        assert saved(browser, sitting=page, body=f"Take {number}").status_code == 200
    assert Draft.objects.get().body == "Take 2"


def test_the_same_words_again_change_nothing(signed_in, alice, draft):
    browser = signed_in(alice)
    for _ in range(2):
        assert saved(browser, draft, organization=draft.organization_id).json()["edition"] == 2
    assert Draft.objects.get().edition == 2


def test_two_who_write_at_once_lose_no_word(signed_in, alice, editor, draft):
    mine, theirs = signed_in(alice), signed_in(editor)
    assert saved(theirs, draft, body="Edda's words.").status_code == 200
    answer = saved(mine, draft, body="Alice's words.")
    assert answer.status_code == 409
    assert "Edda Editor saved it meanwhile" in answer.json()["words"]
    assert Draft.objects.get().body == "Edda's words."
    for action in ("save", "publish", "propose"):
        both = mine.post(
            NEW, form(draft, body="Alice's words.", action=action, area="homelessness", organization=of(alice).pk)
        )
        assert both.status_code == 409
        html = both.content.decode()
        assert "Edda&#x27;s words." in html
        assert "Alice&#x27;s words.</textarea>" in html
    assert not Post.objects.exists()
    now = Draft.objects.get()
    assert f'name="edition" value="{now.edition}"' in html
    merged = form(now, body="Edda's and Alice's words.", action="save")
    assert mine.post(NEW, merged).status_code == 302
    before = mine.get(f"/drafts/{draft.pk}/editions/").content.decode()
    for words in ("Nine in ten found nobody.", "Edda&#x27;s words.", "Edda&#x27;s and Alice&#x27;s words."):
        assert words in before


def test_two_who_choose_otherwise_see_that_too(signed_in, alice, editor, draft, django_assert_max_num_queries):
    mine, theirs = signed_in(alice), signed_in(editor)
    chose = {"area": "homelessness", "places": ["Leeds", "Hull"], "tags": "keys, doors", "seen": "<Ten> of eleven"}
    assert saved(theirs, draft, **chose).status_code == 200
    html = mine.post(NEW, form(draft, area="eviction", places=["Leeds"], tags="keys", action="save")).content.decode()
    together = html.partition('id="both"')[2].partition("</section>")[0]
    for words in ("Homelessness", "Eviction", "Hull", "doors", "&lt;Ten&gt; of eleven", "What was seen"):
        assert words in together
    assert "<li>Leeds</li>" in together
    with django_assert_max_num_queries(8):
        before = theirs.get(f"/drafts/{draft.pk}/editions/").content.decode()
    for words in ("Homelessness", "Leeds; Hull", "keys; doors", "&lt;Ten&gt; of eleven"):
        assert words in before


def test_taking_theirs_keeps_mine_aside(signed_in, alice, editor, draft):
    mine = signed_in(alice)
    saved(signed_in(editor), draft, body="Edda's words.")
    assert mine.post(NEW, form(draft, body="Alice's words.", action="theirs"))["Location"] == draft.get_absolute_url()
    assert Draft.objects.get().body == "Edda's words."
    assert "Alice&#x27;s words." in mine.get(f"/drafts/{draft.pk}/editions/").content.decode()


def test_what_is_kept_aside_is_so_much_at_the_most(alice, draft, monkeypatch):
    monkeypatch.setattr(drafts, "EDITIONS_MOST", 3)
    for number in range(5):
        keep_aside(draft, Words("Keys", f"Take {number}"), by=alice)
    assert [edition.body for edition in draft.editions.all()] == ["Take 4", "Take 3", "Take 2"]


def test_two_tabs_of_one_member_are_two_pages(signed_in, alice, draft):
    browser = signed_in(alice)
    assert saved(browser, draft, body="In one tab.").status_code == 200
    assert saved(browser, draft, body="In the other.").status_code == 409


def test_what_one_page_saves_in_a_moment_is_one_edition(alice, draft):
    page = uuid.uuid4()
    for number in range(5):
        draft = save_draft(draft, Words("Keys", f"Take {number}"), by=alice, base=draft.edition, sitting=page)
    assert [edition.body for edition in draft.editions.all()] == ["Take 4", "Nine in ten found nobody."]


def test_what_was_kept_aside_stays_when_the_page_that_it_stood_against_saves_again(alice, draft):
    page = uuid.uuid4()
    draft = save_draft(draft, Words("Keys", "In one tab."), by=alice, base=draft.edition, sitting=page)
    keep_aside(draft, Words("Keys", "In the other."), by=alice)
    save_draft(draft, Words("Keys", "In one tab, and on."), by=alice, base=draft.edition, sitting=page)
    assert {edition.body for edition in draft.editions.all()} >= {"In the other.", "In one tab, and on."}


def test_only_so_many_editions_are_kept(alice, draft, monkeypatch):
    monkeypatch.setattr(drafts, "EDITIONS_MOST", 3)
    for number in range(5):
        draft = save_draft(draft, Words("Keys", f"Take {number}"), by=alice, base=draft.edition, sitting=uuid.uuid4())
    assert [edition.body for edition in draft.editions.all()] == ["Take 4", "Take 3", "Take 2"]


def test_who_is_signed_out_is_told_so(client, draft):
    answer = saved(client, draft)
    assert answer.status_code == 401
    assert "sign in" in answer.json()["words"]


@pytest.mark.parametrize("gone", ["thrown away", "rights lost"])
def test_words_for_a_draft_that_is_gone_become_a_draft_of_ones_own(signed_in, alice, editor, draft, gone):
    browser = signed_in(editor)
    if gone == "thrown away":
        discard_draft(draft, by=alice)
    else:
        editor.memberships.all().delete()
    told = saved(browser, draft, body="Edda's words.").json()
    assert "kept as a draft of your own" in told["words"]
    own = Draft.objects.get(pk=told["draft"])
    assert (own.by, own.body) == (editor, "Edda's words.")


def test_a_draft_published_meanwhile_is_not_published_twice_unasked(signed_in, alice, editor, draft):
    sent = {"area": "homelessness", "organization": draft.organization_id}
    assert signed_in(alice).post(NEW, form(draft, **sent)).status_code == 302
    browser = signed_in(editor)
    refused = browser.post(NEW, form(draft, **sent))
    assert refused.status_code == 422
    assert "published or thrown away meanwhile" in refused.content.decode()
    assert Post.objects.count() == 1
    assert browser.post(NEW, form(None, **sent)).status_code == 302  # they looked, and want it all the same


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"body": "x" * 200_001}, "Cut 1"),
        ({"title": "a\x01b"}, "cannot be shown"),
        ({"tags": "a\x01b"}, "cannot be shown"),
    ],
)
def test_what_cannot_be_kept_is_said(signed_in, alice, draft, fields, words):
    answer = saved(signed_in(alice), draft, **fields)
    assert answer.status_code == 422
    assert words in answer.json()["words"]
    assert Draft.objects.get().body == "Nine in ten found nobody."
    page = signed_in(alice).post(NEW, form(draft, action="save", **fields))
    assert page.status_code == 422
    assert words in page.content.decode()


def test_a_title_too_long_to_be_published_is_kept_whole(signed_in, alice):
    title = "word " * 60
    told = saved(signed_in(alice), title=title).json()
    assert title.strip() in signed_in(alice).get(told["address"]).content.decode()


def test_so_many_drafts_and_no_more(signed_in, alice, monkeypatch):
    monkeypatch.setattr(drafts, "DRAFTS_MOST", 1)
    browser = signed_in(alice)
    assert saved(browser).status_code == 200
    assert saved(browser).status_code == 422
    assert browser.post("/capture/", {"title": "One more"}).status_code == 422
    assert browser.post(NEW, form(action="save")).status_code == 422


def test_saving_without_scripts(signed_in, alice):
    browser = signed_in(alice)
    answer = browser.post(NEW, form(action="save"))
    draft = Draft.objects.get()
    assert answer["Location"] == draft.get_absolute_url()
    assert browser.post(NEW, form(action="save", title="", body="")).status_code == 422


# The next version


def test_a_draft_of_the_next_version(signed_in, alice, editor, post):
    edit = f"{post.get_absolute_url()}edit/"
    browser = signed_in(alice)
    sent = form(None, post=post.pk, base=1, area="homelessness", note="More seen.")
    told = saved(browser, **sent).json()
    draft = Draft.objects.get()
    assert told["address"] == f"{edit}?draft={draft.pk}"
    assert (draft.post, draft.organization) == (post, post.organization)
    colleague = signed_in(editor)
    assert f'href="{edit}?draft={draft.pk}"' in colleague.get(edit).content.decode()
    assert "More seen." in colleague.get(told["address"]).content.decode()
    assert colleague.get(f"{NEW}?draft={draft.pk}").status_code == 404
    answer = colleague.post(edit, form(draft, base=1, area="homelessness", note="More seen."))
    assert answer.status_code == 302
    assert post.versions.count() == 2
    assert not Draft.objects.exists()


def test_the_draft_stays_when_the_version_is_not_published(signed_in, alice, post):
    edit = f"{post.get_absolute_url()}edit/"
    browser = signed_in(alice)
    saved(browser, None, post=post.pk, base=1, area="homelessness")
    draft = Draft.objects.get()
    browser.post(edit, form(None, base=1, area="homelessness", title="Meanwhile", body="Meanwhile."))
    assert browser.post(edit, form(draft, base=1, area="homelessness", body="Late.")).status_code == 409
    assert Draft.objects.get().pk == draft.pk


def test_strangers_draft_nothing_of_a_post(signed_in, charlie, post):
    browser = signed_in(charlie)
    assert browser.get(f"{post.get_absolute_url()}edit/").status_code == 403
    assert saved(browser, None, post=post.pk).status_code == 403
    assert not Draft.objects.exists()


# A contributor's, sent to an editor


def test_a_contributor_sends_a_draft_and_an_editor_gives_it_back(signed_in, alice, editor, contributor):
    browser = signed_in(contributor)
    page = browser.get(NEW).content.decode()
    assert "Send to an editor" in page
    assert 'value="publish"' not in page
    refused = browser.post(NEW, form(area="homelessness", organization=of(alice).pk))
    assert refused.status_code == 422
    assert "Send it to those who publish for it." in refused.content.decode()
    assert browser.post(NEW, form(action="propose", organization=of(alice).pk))["Location"] == "/drafts/"
    draft = Draft.objects.get()
    assert (draft.proposed_by, draft.organization) == (contributor, of(alice))
    tell_all()
    told = items(Notification.objects.filter(member=editor), editor)
    assert [(item.text, item.href) for item in told] == [
        ("Conny Contributor sends you a draft to publish: “Keys”", draft.get_absolute_url())
    ]
    assert not Notification.objects.filter(member=contributor).exists()
    desk = signed_in(editor)
    assert "Sent to you, to be published" in desk.get("/drafts/").content.decode()
    assert browser.post(f"/drafts/{draft.pk}/give-back/", {"note": "x"}).status_code == 403
    assert desk.post(f"/drafts/{draft.pk}/give-back/", {"note": " "}).status_code == 422
    assert desk.post(f"/drafts/{draft.pk}/give-back/", {"note": "Of how many?"}).status_code == 302
    tell_all()
    (told,) = items(Notification.objects.filter(member=contributor), contributor)
    assert told.text == "Edda Editor gave your draft back: “Keys”"
    assert told.quiet == "Of how many?"
    assert "Of how many?" in browser.get(draft.get_absolute_url()).content.decode()
    assert items(Notification.objects.filter(member=editor), editor) == []  # it waits for nobody now


def test_who_left_the_organization_is_told_of_no_draft(alice, editor, contributor):
    draft = begin_draft(by=contributor, title="Keys", body="", organization=of(alice).pk)
    drafts.propose_draft(draft, by=contributor)
    drafts.propose_draft(draft, by=contributor)
    tell_all()
    assert Notification.objects.filter(member=editor).count() == 1
    editor.memberships.all().delete()
    editor = type(editor).objects.get(pk=editor.pk)
    assert items(Notification.objects.filter(member=editor), editor) == []


# Shown to others


def test_a_secret_address_shows_it_until_it_is_ended(client, signed_in, alice, draft):
    browser = signed_in(alice)
    browser.post(f"/drafts/{draft.pk}/share/change/")
    draft.refresh_from_db()
    address = f"/drafts/shared/{draft.share_key}/"
    assert address in browser.get(f"/drafts/{draft.pk}/share/").content.decode()
    answer = client.get(address)
    assert "Nine in ten found nobody." in answer.content.decode()
    assert (answer["X-Robots-Tag"], answer["Referrer-Policy"]) == ("noindex, nofollow", "no-referrer")
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    browser.post(f"/drafts/{draft.pk}/share/change/")
    assert client.get(address).status_code == 404
    draft.refresh_from_db()
    browser.post(f"/drafts/{draft.pk}/share/change/", {"action": "end"})
    assert client.get(f"/drafts/shared/{draft.share_key}/").status_code == 404
    assert client.get("/drafts/shared/x/").status_code == 404


# Noting something in a minute


def test_a_note_becomes_a_draft(signed_in, alice):
    browser = signed_in(alice)
    assert 'action="/capture/"' in browser.get("/").content.decode()
    assert browser.post("/capture/", {"title": "Vouchers run out", "body": "On the 20th."})["Location"] == "/drafts/"
    draft = Draft.objects.get()
    assert (draft.title, draft.body, draft.organization) == ("Vouchers run out", "On the 20th.", of(alice))
    answer = browser.post("/capture/", {"title": "More", "action": "on"})
    assert answer["Location"] == Draft.objects.get(title="More").get_absolute_url()
    assert browser.post("/capture/", {"title": "", "body": "Typed"}).status_code == 422


def test_what_another_program_passes_on_stands_there(signed_in, alice):
    told = {"title": "A report", "text": "Nine <b>in</b> ten", "url": "https://example.org/report"}
    html = signed_in(alice).get("/capture/", told).content.decode()
    assert "A report</textarea>" in html
    assert "&gt; Nine &lt;b&gt;in&lt;/b&gt; ten\n\n&lt;https://example.org/report&gt;" in html
    odd = signed_in(alice).get("/capture/", {"url": "javascript:alert(1)", "title": "x" * 9000})
    assert odd.status_code == 200


def test_a_note_outlives_a_session_that_ended(client, alice, signed_in):
    answer = client.post("/capture/", {"title": "Vouchers run out", "body": "On the 20th."})
    assert answer["Location"].startswith("/accounts/login/")
    client.force_login(alice)
    assert "On the 20th." in client.get("/capture/").content.decode()


def test_a_shared_post_page_says_nothing_of_drafts(client, alice):
    post = make_post(alice)
    begin_draft(by=alice, title="Secret words", body="", post=post)
    assert "Secret words" not in client.get(post.get_absolute_url()).content.decode()
