"""The trial's mailbox: a page in a trial, and nowhere else."""

import pytest
from django.core.mail import EmailMessage

from commons.mail import TrialMail

PATH = "/mailbox/"


def test_a_trial_shows_the_mail_it_would_have_sent(client, mailbox, capsys):
    EmailMessage("Your code", "It is <b>1234</b> & no other.", to=["ana@people.example", "bo@people.example"]).send()
    page = client.get(PATH)
    html = page.content.decode()
    assert "Your code" in html
    assert "ana@people.example, bo@people.example" in html
    assert "It is &lt;b&gt;1234&lt;/b&gt; &amp; no other." in html
    assert page["Cache-Control"] == "no-store"
    assert "It is <b>1234</b> & no other." in capsys.readouterr().err


def test_the_newest_mail_stands_first_and_the_page_stays_short(client, mailbox, django_assert_num_queries):
    for number in range(60):
        TrialMail.objects.create(to="ana@people.example", subject=f"Mail {number:02d}", body="…")
    with django_assert_num_queries(1):
        html = client.get(PATH).content.decode()
    assert html.count("<article") == 50
    assert html.index("Mail 59") < html.index("Mail 58")
    assert "Mail 09" not in html


def test_an_empty_mailbox_says_how_it_fills(client, mailbox):
    assert "No mail yet" in client.get(PATH).content.decode()


def test_the_page_is_for_reading(client, mailbox):
    assert client.post(PATH).status_code == 405


@pytest.mark.parametrize("who", ["", "alice", "mona"])
def test_without_a_trial_there_is_no_mailbox(client, request, db, settings, who):
    settings.TRIAL = False
    TrialMail.objects.create(to="ana@people.example", subject="A secret", body="…")
    if who:
        client.force_login(request.getfixturevalue(who))
    answer = client.get(PATH)
    assert answer.status_code == 404
    assert "A secret" not in answer.content.decode()


def test_without_a_trial_no_page_speaks_of_a_mailbox(client, db, settings):
    settings.TRIAL = False
    client.post(
        "/accounts/signup/", {"name": "Ana", "email": "ana@people.example", "password1": "bread-and-soup-at-eight"}
    )
    assert "mailbox" not in client.get("/accounts/confirm-email/").content.decode()
    assert not TrialMail.objects.exists()
