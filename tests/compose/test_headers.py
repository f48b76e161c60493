from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose import headers
from digest.errors import SendError

ENCODED_BCC = "=?utf-8?q?hi=0D=0ABcc:_v=40x.org?="


@pytest.mark.parametrize(
    "title", [ENCODED_BCC, "a\r\nBcc: v@x.org", "a\nBcc: v@x.org", "a\0b", "a\x85b\u2028c"]
)
def test_title_never_becomes_a_header(title: str) -> None:
    """CVE-2024-6923 and its kin: read by the policy that unfolds and decodes, nothing is added."""
    block = headers.serialise([("Subject", headers.unstructured(title)), ("To", "a@b.org")])
    parsed = message_from_bytes(block, policy=policy.default)
    assert parsed.keys() == ["Subject", "To"]
    assert message_from_bytes(bytes(parsed), policy=policy.default).keys() == ["Subject", "To"]


@given(st.text().filter(headers.clean))
def test_any_text_survives_as_a_subject(text: str) -> None:
    fields = [("Subject", headers.unstructured(text)), ("To", "a@b.org")]
    block = headers.serialise(fields)
    headers.verify(block, fields)
    assert all(len(line) <= 78 for line in block.split(b"\r\n") if b" " in line.strip())
    value = message_from_bytes(block)["Subject"].replace("\r\n", "")
    assert str(make_header(decode_header(value))).strip() == headers.clean(text)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_any_name_stands_before_its_address(name: str) -> None:
    block = headers.serialise([("To", headers.mailbox(name, "a@b.org"))])
    parsed = message_from_bytes(block, policy=policy.default)["To"]
    assert [address.addr_spec for address in parsed.addresses] == ["a@b.org"]


def test_list_unsubscribe_is_folded_at_the_comma_alone() -> None:
    web, mail = f"<https://x.org/{'t' * 500}>", f"<mailto:u@x.org?subject={'t' * 400}>"
    line = headers.fold("List-Unsubscribe", f"{web}, {mail}")
    assert line == f"List-Unsubscribe: {web},\r\n {mail}\r\n"
    assert "=?" not in line


@pytest.mark.parametrize("value", ["a\r\nBcc: x", "a\nb", "é", "a\0b", ""])
def test_header_that_cannot_be_is_refused(value: str) -> None:
    with pytest.raises(SendError):
        headers.serialise([("Subject", value)])


def test_line_over_998_is_refused() -> None:
    with pytest.raises(SendError, match="998"):
        headers.serialise([("List-Unsubscribe", f"<https://x.org/{'t' * 1000}>")])


def test_block_that_reads_back_otherwise_is_refused() -> None:
    fields = [("Subject", "a"), ("To", "a@b.org")]
    with pytest.raises(SendError):
        headers.verify(b"Subject: a\r\nBcc: v@x.org\r\nTo: a@b.org\r\n\r\n", fields)
    with pytest.raises(SendError):
        headers.verify(b"To: a@b.org\r\nSubject: a\r\n\r\n", fields)


def test_message_id_is_stable_and_holds_no_address() -> None:
    first = headers.message_id(7, "key", "papers.dev")
    assert first == headers.message_id(7, b"key", "papers.dev")
    assert first != headers.message_id(8, "key", "papers.dev")
    assert first != headers.message_id(7, "other", "papers.dev")
    assert len(first) < 78
    assert first.endswith("@papers.dev>")


def test_date_is_written_as_rfc_5322() -> None:
    assert headers.date(datetime(2026, 4, 14, 7, 30, tzinfo=UTC)) == "Tue, 14 Apr 2026 07:30:00 +0000"


def test_domain_of_an_address_is_written_in_ascii() -> None:
    assert headers.mailbox("", "ada@bücher.example") == "<ada@xn--bcher-kva.example>"
    assert headers.message_id(1, "key", "bücher.example").endswith("@xn--bcher-kva.example>")


def test_letters_before_the_at_sign_stay_for_smtputf8() -> None:
    fields = [("To", headers.mailbox("Jörg", "jörg@bücher.example"))]
    block = headers.serialise(fields)
    headers.verify(block, fields)
    assert "<jörg@xn--bcher-kva.example>".encode() in block


@pytest.mark.parametrize("address", ["a@x>\r\nRCPT TO:<b@y", "a b@c.d", "a@b, c@d.org", "a", "", "<a@b.c>"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(SendError, match="no mail address"):
        headers.mailbox("Ada", address)
