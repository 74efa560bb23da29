"""Coming in and going out: signing up with a confirmed address, signing in by password or code, a new password, signing out."""

import re
from urllib.parse import quote

import pytest
from allauth.account.models import EmailAddress
from django.test import Client
from django.urls import reverse

from accounts.members.models import Member
from accounts.views import entrance
from commons.activity.models import Activity, Verb
from tests.make import PASSWORD

SIGN_UP = "/accounts/signup/"
SIGN_IN = "/accounts/login/"
ASK_FOR_CODE = "/accounts/login/code/"
CODE_TO_SIGN_IN = "/accounts/login/code/confirm/"
CONFIRM = "/accounts/confirm-email/"
FORGOTTEN = "/accounts/password/reset/"
CODE_FOR_PASSWORD = "/accounts/password/reset/confirm/"
NEW_PASSWORD = "/accounts/password/reset/complete/"
SIGN_OUT = "/accounts/logout/"
ADDRESS = "ana@fernhill.example"
PHRASE = "bread-and-soup-at-eight"
ANA = {"name": "Ana Silva", "email": ADDRESS, "password1": PHRASE}
ELSEWHERE = [
    "https://elsewhere.example/",
    "//elsewhere.example/",
    "/\\elsewhere.example/",
    "https:elsewhere.example",
    "javascript:alert(1)",
]


def words_of(answer) -> str:
    """What a page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def is_signed_in(browser: Client) -> bool:
    return "_auth_user_id" in browser.session


def another_code(code: str) -> str:
    """A code that is not this one."""
    return f"{(int(code[:4]) + 1) % 10000:04d}{code[4:]}"


# Signing up


def test_signing_up_asks_for_the_code_and_then_signs_in(client, mailbox):
    answer = client.post(SIGN_UP, ANA)
    assert (answer.status_code, answer["Location"]) == (302, CONFIRM)
    assert not is_signed_in(client)
    assert ADDRESS in words_of(client.get(CONFIRM))
    answer = client.post(CONFIRM, {"code": mailbox.code_for(ADDRESS)}, follow=True)
    assert [str(message) for message in answer.context["messages"]] == ["You are signed in."]
    ana = Member.objects.get(email=ADDRESS)
    assert is_signed_in(client)
    assert (ana.name, ana.handle, ana.is_moderator, ana.is_superuser) == ("Ana Silva", "ana-silva", False, False)
    assert EmailAddress.objects.get(user=ana).verified
    assert list(Activity.objects.values_list("verb", "by", "subject_id")) == [(Verb.JOINED, ana.pk, ana.pk)]


def test_the_code_stands_on_the_trials_mailbox_page(client, mailbox):
    client.post(SIGN_UP, ANA)
    code = mailbox.code_for(ADDRESS)
    page = words_of(client.get("/mailbox/"))
    assert ADDRESS in page
    assert code in page
    assert 'href="/mailbox/"' in client.get(CONFIRM).content.decode()


def test_signing_up_leads_back_to_where_one_wanted_to_go(client, mailbox):
    page = client.get(f"{SIGN_UP}?next=/posts/new/")
    assert "to share what you are learning" in words_of(page)
    answer = client.post(SIGN_UP, {**ANA, "next": "/posts/new/"})
    assert answer["Location"] == f"{CONFIRM}?next=%2Fposts%2Fnew%2F"
    assert 'name="next" value="/posts/new/"' in client.get(answer["Location"]).content.decode()
    answer = client.post(CONFIRM, {"code": mailbox.code_for(ADDRESS), "next": "/posts/new/"})
    assert answer["Location"] == "/posts/new/"


def test_a_handle_of_ones_own_choice(client, mailbox):
    client.post(SIGN_UP, {**ANA, "handle": " @Ana "})
    assert Member.objects.get(email=ADDRESS).handle == "ana"


@pytest.mark.parametrize(
    ("handle", "words"),
    [
        ("alice", "taken"),
        ("ALICE", "taken"),
        ("moderator", "taken"),
        ("a", "2 to 30 small letters"),
        ("a" * 31, "2 to 30 small letters"),
        ("9lives", "begins with a letter"),
        ("ana silva", "small letters"),
        ("аna", "small letters"),
        ("ana/../x", "small letters"),
    ],
)
def test_a_handle_that_cannot_be_had(client, mailbox, alice, handle, words):
    answer = client.post(SIGN_UP, {**ANA, "handle": handle})
    assert answer.status_code == 200
    assert words in words_of(answer)
    assert not Member.objects.filter(email=ADDRESS).exists()


def test_two_people_of_one_name_get_two_handles(client, mailbox):
    client.post(SIGN_UP, ANA)
    Client().post(SIGN_UP, {**ANA, "email": "ana@elsewhere.example"})
    first, second = Member.objects.order_by("pk").values_list("handle", flat=True)
    assert first == "ana-silva"
    assert second.startswith("ana-silva-")


@pytest.mark.parametrize("name", ["李小龍", "9", "__", "Admin", "moderator", "é", "Ünal Öz" * 15])
def test_every_name_gives_a_handle(client, mailbox, name):
    client.post(SIGN_UP, {**ANA, "name": name})
    member = Member.objects.get(email=ADDRESS)
    member.full_clean()
    assert member.name == name


def test_the_form_sent_twice_makes_one_member_and_one_fact(client, mailbox):
    for _ in range(2):
        answer = client.post(SIGN_UP, ANA)
        assert (answer.status_code, answer["Location"]) == (302, CONFIRM)
    assert Member.objects.count() == 1
    assert Activity.objects.count() == 1
    assert len(mailbox.to(ADDRESS)) == 1
    client.post(CONFIRM, {"code": mailbox.code_for(ADDRESS)})
    assert is_signed_in(client)


def test_the_form_with_a_chosen_handle_sent_twice_is_no_clash_with_oneself(client, mailbox):
    for _ in range(2):
        answer = client.post(SIGN_UP, {**ANA, "handle": "ana"})
        assert (answer.status_code, answer["Location"]) == (302, CONFIRM)
    assert Member.objects.get().handle == "ana"


def test_a_wrong_code_is_said_beside_the_field_and_the_third_ends_it(client, mailbox):
    client.post(SIGN_UP, ANA)
    wrong = another_code(mailbox.code_for(ADDRESS))
    for _ in range(2):
        answer = client.post(CONFIRM, {"code": wrong})
        assert answer.status_code == 200
        assert "That is not the code." in words_of(answer)
        assert not is_signed_in(client)
    answer = client.post(CONFIRM, {"code": wrong}, follow=True)
    assert "too often" in words_of(answer).lower() or "That was often" in words_of(answer)
    client.post(CONFIRM, {"code": mailbox.code_for(ADDRESS)})
    assert not is_signed_in(client)


def test_a_code_that_ran_out_lets_nobody_in(client, mailbox, settings):
    client.post(SIGN_UP, ANA)
    settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = -1
    answer = client.post(CONFIRM, {"code": mailbox.code_for(ADDRESS)})
    assert answer.status_code == 302
    assert not is_signed_in(client)
    assert not EmailAddress.objects.filter(verified=True).exists()


def test_who_let_the_code_run_out_gets_in_by_signing_in(client, mailbox, settings):
    client.post(SIGN_UP, ANA)
    late = Client()
    answer = late.post(SIGN_IN, {"login": ADDRESS, "password": PHRASE})
    assert answer["Location"] == CONFIRM
    late.post(CONFIRM, {"code": mailbox.code_for(ADDRESS)})
    assert is_signed_in(late)


def test_a_code_works_once(client, mailbox):
    client.post(SIGN_UP, ANA)
    code = mailbox.code_for(ADDRESS)
    client.post(CONFIRM, {"code": code})
    client.post(SIGN_OUT)
    client.post(CONFIRM, {"code": code})
    assert not is_signed_in(client)


def test_a_code_is_of_no_use_in_another_browser(client, mailbox):
    client.post(SIGN_UP, ANA)
    stranger = Client()
    stranger.post(CONFIRM, {"code": mailbox.code_for(ADDRESS)})
    assert not is_signed_in(stranger)


def test_a_new_code_can_be_asked_for(client, mailbox):
    client.post(SIGN_UP, ANA)
    first = mailbox.code_for(ADDRESS)
    answer = client.post(CONFIRM, {"action": "resend"}, follow=True)
    assert "A mail is on its way. It can take a minute to arrive." in words_of(answer)
    assert len(mailbox.to(ADDRESS)) == 2
    assert mailbox.code_for(ADDRESS) != first
    client.post(CONFIRM, {"code": mailbox.code_for(ADDRESS)})
    assert is_signed_in(client)


def test_a_known_address_gets_the_same_answer_and_a_mail_of_its_own(client, mailbox, alice):
    known = {**ANA, "email": alice.email}
    answers = []
    for typed in (ANA, known):
        browser = Client()
        answer = browser.post(SIGN_UP, typed)
        page = re.sub(r'value="[^"]{64}"', "", browser.get(answer["Location"]).content.decode())
        answers.append((answer.status_code, answer["Location"], page.replace(typed["email"], "…")))
    assert answers[0] == answers[1]
    assert [mail.subject for mail in mailbox.to(alice.email)] == ["You have an account already"]
    assert Member.objects.filter(email=alice.email).count() == 1
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_who_has_an_account_after_all_signs_in_in_the_same_browser(client, mailbox, alice):
    client.post(SIGN_UP, {**ANA, "email": alice.email})
    assert client.get(SIGN_IN).status_code == 200
    assert client.get(SIGN_UP).status_code == 200
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    assert answer["Location"] == "/"
    assert is_signed_in(client)
    assert client.get(CONFIRM)["Location"] != CONFIRM
    browser = Client()
    browser.post(SIGN_UP, {**ANA, "email": alice.email})
    browser.post(ASK_FOR_CODE, {"email": alice.email})
    browser.post(CODE_TO_SIGN_IN, {"code": mailbox.code_for(alice.email)})
    assert is_signed_in(browser)


def test_the_way_back_to_the_code_stands_on_the_pages_one_may_have_gone_to(client, mailbox):
    way = 'href="/accounts/confirm-email/"'
    for path in (SIGN_IN, SIGN_UP, ASK_FOR_CODE, "/mailbox/"):
        assert way not in client.get(path).content.decode()
    client.post(SIGN_UP, ANA)
    for path in (SIGN_IN, SIGN_UP, ASK_FOR_CODE, "/mailbox/"):
        assert way in client.get(path).content.decode()
    assert (
        'href="/accounts/confirm-email/?next=%2Ffollowing%2F"'
        in client.get(f"{SIGN_IN}?next=/following/").content.decode()
    )
    client.post(CONFIRM, {"code": mailbox.code_for(ADDRESS)})
    for path in ("/accounts/email/", "/mailbox/"):
        assert way not in client.get(path).content.decode()


def test_who_mistyped_the_address_begins_anew(client, mailbox):
    client.post(SIGN_UP, {**ANA, "email": "ana@fernhil.example"})
    answer = client.post(SIGN_UP, ANA)
    assert answer["Location"] == CONFIRM
    assert ADDRESS in words_of(client.get(CONFIRM))
    client.post(CONFIRM, {"code": mailbox.code_for(ADDRESS)})
    assert is_signed_in(client)


def test_a_code_asked_for_twice_at_once_is_mailed_once(client, mailbox, alice):
    for field in ("email", "login", "email"):
        assert client.post(ASK_FOR_CODE, {field: alice.email})["Location"] == CODE_TO_SIGN_IN
    assert len(mailbox.to(alice.email)) == 1
    client.post(CODE_TO_SIGN_IN, {"code": mailbox.code_for(alice.email)})
    assert is_signed_in(client)


def test_no_code_fits_where_the_address_was_known(client, mailbox, alice):
    client.post(SIGN_UP, {**ANA, "email": alice.email})
    answer = client.post(CONFIRM, {"code": "1234-5678"})
    assert "That is not the code." in words_of(answer)
    assert not is_signed_in(client)


def test_an_address_counts_as_the_same_however_it_is_written(client, mailbox, alice):
    client.post(SIGN_UP, {**ANA, "email": alice.email.upper()})
    assert Member.objects.count() == 1
    client.post(SIGN_IN, {"login": f" {alice.email.upper()}", "password": PASSWORD})
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": ""}, "Write your name."),
        ({"name": "   "}, "Write your name."),
        ({"name": "\u200b"}, "Write your name."),
        ({"name": "Ana\x07"}, "U+0007"),
        ({"name": "n" * 121}, "121 characters"),
        ({"email": ""}, "Write your e-mail address."),
        ({"email": "ana"}, "That is not an e-mail address."),
        ({"email": "ana@fernhill.example\nBcc: eve@elsewhere.example"}, "That is not an e-mail address."),
        ({"email": f"{'a' * 60}@{'b' * 200}.example"}, "at most 254 characters"),
        ({"password1": ""}, "Write a password."),
        ({"password1": "short"}, "It wants at least 10 characters."),
        ({"password1": "1234567890"}, "Many people use just this one"),
        ({"password1": "ana@fernhill.example"}, "too much like your name or address"),
        ({"password1": "x" * 201}, "at most 200 characters"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_the_rest_is_kept(client, mailbox, wrong, words):
    typed = {**ANA, "handle": "ana", **wrong}
    answer = client.post(SIGN_UP, typed)
    assert answer.status_code == 200
    assert words in words_of(answer)
    form = answer.context["form"]
    assert list(form.errors) == list(wrong)
    for name, text in typed.items():
        if name not in wrong and name != "password1":
            assert f'value="{text}"' in answer.content.decode()
    assert f'value="{typed["password1"]}" autocomplete="new-password"' not in answer.content.decode()
    assert not Member.objects.exists()


def test_fields_that_no_form_has_change_nothing(client, mailbox):
    client.post(SIGN_UP, {**ANA, "is_moderator": "on", "is_superuser": "on", "is_staff": "1", "personal_stamp": "9"})
    ana = Member.objects.get(email=ADDRESS)
    assert (ana.is_moderator, ana.is_superuser, ana.is_staff, ana.personal_stamp) == (False, False, False, 0)


# Signing in


def test_signing_in_by_password(client, alice):
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert is_signed_in(client)
    assert client.session["_auth_user_id"] == str(alice.pk)


def test_signing_in_leads_back(client, alice):
    assert "to subscribe" in words_of(client.get(f"{SIGN_IN}?next=/subscribe/area/1/"))
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD, "next": "/following/"})
    assert answer["Location"] == "/following/"


@pytest.mark.parametrize("typed", [{"password": "wrong"}, {"login": "nobody@people.example"}])
def test_a_wrong_password_and_an_unknown_address_are_told_alike(client, alice, typed):
    typed = {"login": alice.email, "password": PASSWORD, **typed}
    answer = client.post(SIGN_IN, typed)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == ["password"]
    assert "That address and password do not go together." in words_of(answer)
    assert f'value="{typed["login"]}"' in answer.content.decode()
    assert not is_signed_in(client)


def test_a_closed_account_is_told_so_once_the_password_fits(client, alice):
    Member.objects.filter(pk=alice.pk).update(is_active=False)
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD}, follow=True)
    assert "This account is closed" in words_of(answer)
    assert not is_signed_in(client)


def test_signing_in_by_code(client, mailbox, alice):
    answer = client.post(ASK_FOR_CODE, {"email": alice.email, "next": "/following/"})
    assert answer["Location"] == f"{CODE_TO_SIGN_IN}?next=%2Ffollowing%2F"
    answer = client.post(CODE_TO_SIGN_IN, {"code": mailbox.code_for(alice.email), "next": "/following/"})
    assert answer["Location"] == "/following/"
    assert is_signed_in(client)


def test_the_sign_in_form_asks_for_a_code_with_the_address_typed_there(client, mailbox, alice):
    answer = client.post(ASK_FOR_CODE, {"login": alice.email, "password": ""})
    assert answer["Location"] == CODE_TO_SIGN_IN
    assert mailbox.code_for(alice.email)


def test_a_code_may_be_typed_with_spaces_or_without_its_dash(client, mailbox, alice):
    client.post(ASK_FOR_CODE, {"email": alice.email})
    client.post(CODE_TO_SIGN_IN, {"code": f" {mailbox.code_for(alice.email).replace('-', '')} "})
    assert is_signed_in(client)


def test_a_wrong_code_to_sign_in(client, mailbox, alice):
    client.post(ASK_FOR_CODE, {"email": alice.email})
    wrong = another_code(mailbox.code_for(alice.email))
    for _ in range(2):
        assert "That is not the code." in words_of(client.post(CODE_TO_SIGN_IN, {"code": wrong}))
    client.post(CODE_TO_SIGN_IN, {"code": wrong})
    client.post(CODE_TO_SIGN_IN, {"code": mailbox.code_for(alice.email)})
    assert not is_signed_in(client)


@pytest.mark.parametrize("code", ["", "x" * 41, "٠١٢٣-٤٥٦٧", "' OR 1=1 --"])
def test_what_is_no_code(client, mailbox, alice, code):
    client.post(ASK_FOR_CODE, {"email": alice.email})
    answer = client.post(CODE_TO_SIGN_IN, {"code": code})
    assert answer.status_code == 200
    assert list(answer.context["verify_form"].errors) == ["code"]
    assert not is_signed_in(client)


def test_a_code_to_sign_in_runs_out(client, mailbox, alice, settings):
    client.post(ASK_FOR_CODE, {"email": alice.email})
    settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT = -1
    client.post(CODE_TO_SIGN_IN, {"code": mailbox.code_for(alice.email)})
    assert not is_signed_in(client)


def test_an_unknown_address_gets_the_same_page_and_a_mail_that_says_so(client, mailbox, alice):
    answers = []
    for address in (alice.email, "nobody@people.example"):
        browser = Client()
        answer = browser.post(ASK_FOR_CODE, {"email": address})
        page = re.sub(r'value="[^"]{64}"', "", browser.get(answer["Location"]).content.decode())
        answers.append((answer.status_code, answer["Location"], page.replace(address, "…")))
    assert answers[0] == answers[1]
    assert [mail.subject for mail in mailbox.to("nobody@people.example")] == ["No account with this address"]


def test_who_proves_an_address_by_code_is_rid_of_a_password_somebody_else_set(client, mailbox):
    Client().post(SIGN_UP, {**ANA, "password1": "somebody-elses-phrase"})
    client.post(ASK_FOR_CODE, {"email": ADDRESS})
    client.post(CODE_TO_SIGN_IN, {"code": mailbox.code_for(ADDRESS)})
    assert is_signed_in(client)
    other = Client()
    other.post(SIGN_IN, {"login": ADDRESS, "password": "somebody-elses-phrase"})
    assert not is_signed_in(other)


def test_who_is_signed_in_is_sent_on(signed_in, alice):
    browser = signed_in(alice)
    for path in (SIGN_IN, SIGN_UP):
        assert browser.get(path).status_code == 302
        assert browser.get(f"{path}?next=/following/")["Location"] == "/following/"


# A new password


def test_a_forgotten_password(client, mailbox, alice):
    answer = client.post(FORGOTTEN, {"email": alice.email})
    assert answer["Location"] == CODE_FOR_PASSWORD
    answer = client.post(CODE_FOR_PASSWORD, {"code": mailbox.code_for(alice.email)})
    assert answer["Location"] == NEW_PASSWORD
    weak = client.post(NEW_PASSWORD, {"password1": "short"})
    assert "It wants at least 10 characters." in words_of(weak)
    client.post(NEW_PASSWORD, {"password1": PHRASE})
    assert is_signed_in(client)
    assert mailbox.to(alice.email)[0].subject == "Your password was changed"
    again = Client()
    again.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    assert not is_signed_in(again)
    again.post(SIGN_IN, {"login": alice.email, "password": PHRASE})
    assert is_signed_in(again)


def test_a_new_password_signs_out_everywhere_else(client, mailbox, alice, signed_in):
    elsewhere = signed_in(alice)
    client.post(FORGOTTEN, {"email": alice.email})
    client.post(CODE_FOR_PASSWORD, {"code": mailbox.code_for(alice.email)})
    client.post(NEW_PASSWORD, {"password1": PHRASE})
    assert elsewhere.get("/account/").status_code == 302


def test_a_new_password_needs_the_code(client, mailbox, alice):
    client.post(FORGOTTEN, {"email": alice.email})
    wrong = another_code(mailbox.code_for(alice.email))
    assert "That is not the code." in words_of(client.post(CODE_FOR_PASSWORD, {"code": wrong}))
    client.post(NEW_PASSWORD, {"password1": PHRASE})
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    assert not is_signed_in(client)


def test_a_code_for_a_password_runs_out(client, mailbox, alice, settings):
    client.post(FORGOTTEN, {"email": alice.email})
    settings.ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = -1
    answer = client.post(CODE_FOR_PASSWORD, {"code": mailbox.code_for(alice.email)})
    assert answer.status_code == 302
    assert answer["Location"] != NEW_PASSWORD


def test_who_has_no_account_is_told_nothing_else_when_asking_for_a_password(client, mailbox, alice):
    answers = []
    for address in (alice.email, "nobody@people.example"):
        browser = Client()
        answer = browser.post(FORGOTTEN, {"email": address})
        page = re.sub(r'value="[^"]{64}"', "", browser.get(answer["Location"]).content.decode())
        answers.append((answer.status_code, answer["Location"], page.replace(address, "…")))
    assert answers[0] == answers[1]
    assert [mail.subject for mail in mailbox.to("nobody@people.example")] == ["No account with this address"]


def test_a_password_is_changed_by_who_knows_it(signed_in, mailbox, alice):
    browser = signed_in(alice)
    path = "/accounts/password/change/"
    wrong = browser.post(path, {"oldpassword": "wrong", "password1": PHRASE})
    assert "That is not your password." in words_of(wrong)
    answer = browser.post(path, {"oldpassword": PASSWORD, "password1": PHRASE})
    assert answer["Location"] == "/account/"
    assert is_signed_in(browser)
    alice.refresh_from_db()
    assert alice.check_password(PHRASE)
    assert mailbox.to(alice.email)[0].subject == "Your password was changed"


def test_who_has_no_password_sets_one(signed_in, mailbox, alice):
    alice.set_unusable_password()
    alice.save()
    browser = signed_in(alice)
    assert "/accounts/password/set/" in browser.get("/account/").content.decode()
    assert browser.post("/accounts/password/set/", {"password1": PHRASE}).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password(PHRASE)


# Another address


def confirm_that_it_is_you(browser: Client) -> None:
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": "/accounts/email/"})


def test_an_address_is_changed_once_its_code_is_entered(signed_in, mailbox, alice):
    client = signed_in(alice)
    confirm_that_it_is_you(client)
    old = alice.email
    client.post("/accounts/email/", {"email": "alice@new.example", "action_add": ""})
    assert "A mail to alice@new.example is on its way. Enter its code" in words_of(client.get("/accounts/email/"))
    alice.refresh_from_db()
    assert alice.email == old
    client.post(CONFIRM, {"code": mailbox.code_for("alice@new.example")})
    alice.refresh_from_db()
    assert alice.email == "alice@new.example"
    assert list(EmailAddress.objects.filter(user=alice).values_list("email", "verified", "primary")) == [
        ("alice@new.example", True, True)
    ]
    assert "Your address was changed" in [mail.subject for mail in mailbox.to(old)]


def test_the_address_of_somebody_else_is_not_given_away(signed_in, mailbox, alice, bob):
    client = signed_in(alice)
    confirm_that_it_is_you(client)
    answer = client.post("/accounts/email/", {"email": bob.email, "action_add": ""}, follow=True)
    assert answer.status_code == 200
    assert "account already" not in words_of(answer)
    client.post(CONFIRM, {"code": "1234-5678"})
    bob.refresh_from_db()
    alice.refresh_from_db()
    assert alice.email != bob.email


def test_who_changes_the_address_confirms_first_and_goes_on_from_there(signed_in, mailbox, alice):
    browser = signed_in(alice)
    answer = browser.post("/accounts/email/", {"email": "alice@new.example", "action_add": ""})
    assert answer["Location"] == "/accounts/reauthenticate/?next=%2Faccounts%2Femail%2F"
    page = browser.get(answer["Location"])
    assert "Confirm that it is you" in words_of(page)
    wrong = browser.post(answer["Location"], {"password": "wrong", "next": "/accounts/email/"})
    assert "That is not your password." in words_of(wrong)
    assert not mailbox.to("alice@new.example")
    right = browser.post(answer["Location"], {"password": PASSWORD, "next": "/accounts/email/"})
    assert right["Location"].startswith(CONFIRM)
    assert mailbox.code_for("alice@new.example")


# Going out


@pytest.mark.parametrize("length", ["²", "1_0", "1,1", "-5", ""])
def test_a_length_that_is_no_number_is_no_fault(client, db, length):
    assert client.generic("POST", reverse("account_login"), CONTENT_LENGTH=length).status_code == 200


def test_signing_out_needs_a_button(signed_in, alice):
    browser = signed_in(alice)
    answer = browser.get(SIGN_OUT)
    assert answer.status_code == 200
    assert is_signed_in(browser)
    answer = browser.post(SIGN_OUT)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert not is_signed_in(browser)


def test_signing_out_wants_its_token(alice):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.post(SIGN_OUT).status_code == 403
    assert is_signed_in(browser)


# Only to pages of this site


@pytest.mark.parametrize("onward", ELSEWHERE)
def test_nobody_is_sent_elsewhere(client, alice, mailbox, onward):
    for path, typed in (
        (SIGN_IN, {"login": alice.email, "password": PASSWORD}),
        (SIGN_UP, ANA),
        (ASK_FOR_CODE, {"email": alice.email}),
        (FORGOTTEN, {"email": alice.email}),
        (SIGN_OUT, {}),
    ):
        browser = Client()
        page = browser.get(f"{path}?next={quote(onward)}")
        assert "elsewhere.example" not in page.content.decode()
        assert "alert(1)" not in page.content.decode()
        answer = browser.post(f"{path}?next={quote(onward)}", {**typed, "next": onward})
        assert "elsewhere" not in answer["Location"]
        assert "alert" not in answer["Location"]
    browser = Client()
    browser.force_login(alice)
    assert "elsewhere" not in browser.get(f"{SIGN_IN}?next={quote(onward)}")["Location"]


# Too often


def test_who_tries_too_often_gets_a_page_that_says_so(client, alice, mailbox):
    for _ in range(20):
        answer = client.post(SIGN_UP, {**ANA, "name": ""})
    answer = client.post(SIGN_UP, ANA)
    assert answer.status_code == 429
    assert "Too often in a short time" in words_of(answer)
    assert "Nothing was changed." in words_of(answer)
    assert answer["Retry-After"] == "60"
    assert answer["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert not Member.objects.filter(email=ADDRESS).exists()


def test_who_guesses_a_password_is_stopped_even_with_the_right_one(client, alice):
    for _ in range(5):
        client.post(SIGN_IN, {"login": alice.email, "password": "guess"})
    answer = client.post(SIGN_IN, {"login": alice.email, "password": PASSWORD})
    assert "That was often in a short time." in words_of(answer)
    assert not is_signed_in(client)


def test_codes_are_not_mailed_without_end(client, alice, mailbox):
    for _ in range(3):
        Client().post(ASK_FOR_CODE, {"email": alice.email})
    answer = client.post(ASK_FOR_CODE, {"email": alice.email})
    assert answer.status_code in (200, 429)
    assert "often in a short time" in words_of(answer)
    assert len(mailbox.to(alice.email)) == 3


# Every page in our frame


def test_every_page_of_the_entrance_is_in_our_frame(client, alice, mailbox, signed_in):
    """Each address, as somebody without an account and as a member comes to it: our page, or on to another of them."""
    browsers = {"anonymous": client, "member": signed_in(alice)}
    for page in entrance.urlpatterns:
        for who, browser in browsers.items():
            answer = browser.get(reverse(page.name), follow=True)
            html = answer.content.decode()
            assert answer.status_code == 200, (who, page.name)
            assert '<main id="main" class="wrap">' in html, (who, page.name)
            assert "Menu:" not in html, (who, page.name)
            assert html.count("<h1") == 1, (who, page.name)
            assert " style=" not in html, (who, page.name)
            assert "<script>" not in html, (who, page.name)
            if page.name != "account_logout" or who == "member":
                assert (answer["Cache-Control"] == "no-store") or answer.request["PATH_INFO"] == "/"


@pytest.mark.parametrize(
    "path", [SIGN_IN, SIGN_UP, ASK_FOR_CODE, FORGOTTEN, "/accounts/inactive/", "/accounts/password/reset/done/"]
)
def test_what_a_page_of_the_entrance_asks_the_database(client, db, django_assert_num_queries, path):
    with django_assert_num_queries(0):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/accounts/email/", "/accounts/password/change/", SIGN_OUT, "/accounts/reauthenticate/"]
)
def test_what_a_members_page_asks_the_database(signed_in, alice, django_assert_max_num_queries, path):
    browser = signed_in(alice)
    with django_assert_max_num_queries(6):
        assert browser.get(path).status_code == 200


@pytest.mark.parametrize("path", [CONFIRM, CODE_TO_SIGN_IN, CODE_FOR_PASSWORD, NEW_PASSWORD])
def test_a_page_in_the_middle_without_its_beginning_leads_to_the_beginning(client, db, path):
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/")
