"""Mails that come back, as real servers write them: a report, qmail's words, a complaint, an absence."""

REPORT = """\
Return-Path: <>
Delivered-To: {to}
Date: Mon, 13 Apr 2026 08:00:00 +0000 (UTC)
From: MAILER-DAEMON@mx.papers.dev (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {to}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"
Message-Id: <{unique}@mx.papers.dev>

--B
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.papers.dev.

<ada@papers.dev>: host 127.0.0.1 said: {words}

--B
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.papers.dev
X-Postfix-Queue-ID: 4F1C22A1

Final-Recipient: rfc822; ada@papers.dev
Original-Recipient: rfc822;ada@papers.dev
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {words}

--B
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Message-ID: {original}
From: digest@papers.dev
To: ada@papers.dev
Subject: Papers

--B--
"""

QMAIL = """\
Return-Path: <>
Delivered-To: {to}
From: MAILER-DAEMON@old.papers.dev
To: {to}
Subject: failure notice
Message-ID: <{unique}@old.papers.dev>

Hi. This is the qmail-send program at old.papers.dev.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<ada@papers.dev>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Message-ID: {original}
Subject: Papers

Hello
"""

COMPLAINT = """\
From: <feedback@provider.dev>
To: {to}
Subject: FW: Papers
Message-ID: <{unique}@provider.dev>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="B"

--B
Content-Type: text/plain

This is an email abuse report.

--B
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeProvider/1.0
Version: 1

--B
Content-Type: message/rfc822

Message-ID: {original}
From: digest@papers.dev
To: ada@papers.dev
Subject: Papers

Hello
--B--
"""

HOLIDAY = """\
From: ada@papers.dev
To: {to}
Subject: Out of office
Auto-Submitted: auto-replied
Message-ID: <{unique}@papers.dev>

I am away until Monday.
"""

LEAVING = """\
From: ada@papers.dev
To: digest@papers.dev
Subject: unsubscribe {token}
Message-ID: <{unique}@papers.dev>

"""


def report(
    to: str = "bounces@papers.dev",
    *,
    unique: str = "1",
    status: str = "5.1.1",
    action: str = "failed",
    words: str = "550 5.1.1 no such reader",
    original: str = "<1.digest@papers.dev>",
) -> bytes:
    """A delivery report as Postfix writes it."""
    text = REPORT.format(to=to, unique=unique, status=status, action=action, words=words, original=original)
    return wire(text)


def wire(text: str) -> bytes:
    """With CRLF."""
    return text.replace("\n", "\r\n").encode()
