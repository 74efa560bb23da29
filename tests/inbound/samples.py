"""Mails as they come: what mail programs write in answer, and what mail servers report."""

from email.message import EmailMessage
from email.utils import make_msgid

from knowledge.notifications.models import Bounce

HOST = "reply.commons.example"

# What Postfix 3.7 writes when the next server refuses a recipient
POSTFIX = """\
Return-Path: <>
Received: by mx.people.example (Postfix)
\tid 4Xk1Qz2Bb3z1; Tue, 24 Nov 2026 10:12:07 +0000 (UTC)
Date: Tue, 24 Nov 2026 10:12:07 +0000 (UTC)
From: MAILER-DAEMON@mx.people.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {envelope}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4Xk1Qz1Yy2z0.1795515127/mx.people.example"
Content-Transfer-Encoding: 8bit
Message-Id: <{own_id}@mx.people.example>

This is a MIME-encapsulated message.

--4Xk1Qz1Yy2z0.1795515127/mx.people.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.people.example.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

                   The mail system

<{recipient}>: host mail.people.example[192.0.2.7] said: {said} (in reply to RCPT TO command)

--4Xk1Qz1Yy2z0.1795515127/mx.people.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.people.example
X-Postfix-Queue-ID: 4Xk1Qz1Yy2z0
X-Postfix-Sender: rfc822; {envelope}
Arrival-Date: Tue, 24 Nov 2026 10:12:05 +0000 (UTC)

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Remote-MTA: dns; mail.people.example
Diagnostic-Code: smtp; {said}

--4Xk1Qz1Yy2z0.1795515127/mx.people.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers
Content-Transfer-Encoding: 8bit

Return-Path: <{envelope}>
Received: from commons.example (commons.example [192.0.2.1])
\tby mx.people.example (Postfix) with ESMTPS id 4Xk1Qz1Yy2z0
\tfor <{recipient}>; Tue, 24 Nov 2026 10:12:05 +0000 (UTC)
Message-ID: {message_id}
From: The Commons <hello@commons.example>
To: {recipient}
Subject: Your week in Homelessness
Auto-Submitted: auto-generated

--4Xk1Qz1Yy2z0.1795515127/mx.people.example--
"""

# What Exchange Online writes: HTML for its reader, and the mail's headers as a mail of their own
EXCHANGE = """\
Received: from DB9PR04MB1234.eurprd04.prod.outlook.example (2603:10a6::1)
 by AM0PR04MB5678.eurprd04.prod.outlook.example with HTTPS; Tue, 24 Nov 2026 10:12:09 +0000
MIME-Version: 1.0
From: <postmaster@outlook.example>
To: <{envelope}>
Date: Tue, 24 Nov 2026 10:12:08 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="7f0a9c3e-5b1d-4f57-9f5e-1f0c7d6c2b11"
X-MS-Exchange-Message-Is-Ndr:
Content-Language: en-US
Message-ID: <{own_id}@DB9PR04MB1234.eurprd04.prod.outlook.example>
In-Reply-To: {message_id}
References: {message_id}
Subject: Undeliverable: Your week in Homelessness
Auto-Submitted: auto-replied

--7f0a9c3e-5b1d-4f57-9f5e-1f0c7d6c2b11
Content-Type: multipart/alternative; differences=Content-Type;
\tboundary="b0d1a8d1-0a63-44c8-8a76-53b0a3f2c4f0"

--b0d1a8d1-0a63-44c8-8a76-53b0a3f2c4f0
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

Your message to {recipient} couldn't be delivered.

A custom mail flow rule or the mailbox did not =
take it.

--b0d1a8d1-0a63-44c8-8a76-53b0a3f2c4f0
Content-Type: text/html; charset="us-ascii"

<html><body><p>Your message couldn't be delivered.</p></body></html>

--b0d1a8d1-0a63-44c8-8a76-53b0a3f2c4f0--

--7f0a9c3e-5b1d-4f57-9f5e-1f0c7d6c2b11
Content-Type: message/delivery-status

Reporting-MTA: dns;DB9PR04MB1234.eurprd04.prod.outlook.example
Received-From-MTA: dns;commons.example
Arrival-Date: Tue, 24 Nov 2026 10:12:06 +0000

Final-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp;{said}
 [DB9PR04MB1234.eurprd04.prod.outlook.example]

--7f0a9c3e-5b1d-4f57-9f5e-1f0c7d6c2b11
Content-Type: message/rfc822

Received: from commons.example (192.0.2.1) by
 DB9PR04MB1234.eurprd04.prod.outlook.example; Tue, 24 Nov 2026 10:12:06 +0000
Message-ID: {message_id}
From: The Commons <hello@commons.example>
To: {recipient}
Subject: Your week in Homelessness
Content-Type: text/plain

--7f0a9c3e-5b1d-4f57-9f5e-1f0c7d6c2b11--
"""

# What a feedback loop writes when somebody presses "This is spam" (RFC 5965)
ARF = """\
From: <abuse@people.example>
Date: Tue, 24 Nov 2026 12:00:00 +0000
Subject: FW: Your week in Homelessness
To: <{envelope}>
Message-ID: <{own_id}@people.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
\tboundary="part1_13d.2e68ed54_boundary"

--part1_13d.2e68ed54_boundary
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report for an email message received from IP
192.0.2.1 on Tue, 24 Nov 2026 10:12:06 +0000.

--part1_13d.2e68ed54_boundary
Content-Type: message/feedback-report

Feedback-Type: {action}
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{envelope}>
Original-Rcpt-To: <{recipient}>
Arrival-Date: Tue, 24 Nov 2026 10:12:06 +0000
Reported-Domain: commons.example
Source-IP: 192.0.2.1

--part1_13d.2e68ed54_boundary
Content-Type: message/rfc822
Content-Disposition: inline

From: The Commons <hello@commons.example>
To: {recipient}
Subject: Your week in Homelessness
Message-ID: {message_id}
Content-Type: text/plain

What happened.

--part1_13d.2e68ed54_boundary--
"""


def report(
    form: str,
    message_id: str,
    recipient: str,
    *,
    envelope: str = "hello@commons.example",
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "550 5.1.1 <ana>: Recipient address rejected: User unknown",
) -> bytes:
    """A server's report of a mail of this Message-ID to this recipient."""
    own_id = make_msgid().strip("<>").partition("@")[0]
    told = form.format(
        message_id=message_id,
        recipient=recipient,
        envelope=envelope,
        action=action,
        status=status,
        said=said,
        own_id=own_id,
    )
    return told.replace("\n", "\r\n").encode()


def mail(
    to: str,
    text: str = "Of forty.",
    *,
    sender: str = "alice@people.example",
    subject: str = "Re: A comment",
    **headers: str,
) -> EmailMessage:
    """A mail that a person wrote."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Message-ID"] = make_msgid(domain="people.example")
    for name, value in headers.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made


def stopped() -> list[tuple[str, str, str]]:
    """The addresses from which mail came back, of what kind that was, and why."""
    return [(bounce.address, bounce.kind, bounce.reason) for bounce in Bounce.objects.all()]
