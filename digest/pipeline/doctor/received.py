"""What a test mail says that came back: who signed what, and what the receiving server thinks of it. Pure.

RFC 8058 section 4: a signature must cover List-Unsubscribe and List-Unsubscribe-Post, or Gmail and Yahoo
show no button. Nobody's default does (mail.md, fact 3), so the received `h=` is what counts.
"""

import re
from collections.abc import Sequence
from email.message import Message as Mail
from email.parser import BytesHeaderParser
from email.policy import compat32

from digest.deliver.sign import Key, sign
from digest.pipeline.doctor.check import Check, fail, ok
from digest.pipeline.doctor.records import aligned, tags

#: What a signature has to cover, as far as the mail has it.
MUST = ("from", "list-unsubscribe", "list-unsubscribe-post")

_RESULT = re.compile(r"\b(spf|dkim|dmarc)=(\w+)", re.IGNORECASE)


def examine(raw: bytes, keys: Sequence[Key], sender: str) -> list[Check]:
    """The checks of a mail from domain `sender` as it came back; `keys` are ours, none if the relay signs."""
    mail = BytesHeaderParser(policy=compat32).parsebytes(raw)
    checks = [*_whole(raw, mail, keys), _covered(mail, sender)]
    return checks + _verdict(mail)


def _signatures(mail: Mail) -> list[dict[str, str]]:
    """The tags of each DKIM-Signature, without the blanks of folding."""
    found = [tags(str(value)) for value in mail.get_all("DKIM-Signature", [])]
    return [{name: re.sub(r"\s", "", value) for name, value in one.items()} for one in found]


def _whole(raw: bytes, mail: Mail, keys: Sequence[Key]) -> list[Check]:
    """Our own signatures still fit. They are deterministic: made anew over what came they are the same."""
    there = {one.get("b") for one in _signatures(mail)}
    text = re.sub(rb"\r?\n", b"\r\n", raw)
    broken = [key for key in keys if _made(text, key) not in there]
    if broken:
        found = f"the signature {broken[0].selector}._domainkey.{broken[0].domain} no longer fits the mail"
        remedy = "a server on the way changes header or body: turn that off, or let the last one sign"
        return [fail("signature", found, remedy)]
    return [ok("signature", "ours arrived as it left")] if keys else []


def _made(raw: bytes, key: Key) -> str:
    """The value that our signature of this mail must have; signing writes its field before the others."""
    return _signatures(BytesHeaderParser(policy=compat32).parsebytes(sign(raw, [key])))[0]["b"]


def _covered(mail: Mail, sender: str) -> Check:
    """One signature, aligned with From, covers what must be covered."""
    wanted = [name for name in MUST if name in mail]
    signed = _signatures(mail)
    if not signed:
        remedy = "set DIGEST_DKIM_*, or let the mail server sign, List-Unsubscribe and its Post included"
        return fail("round trip", "the mail came back without a DKIM signature", remedy)
    ours = [one for one in signed if aligned(sender, one.get("d", ""), sender)]
    if not ours:
        found = f"the mail was signed by {signed[0].get('d', 'nobody')} only, not by {sender}"
        return fail("round trip", found, f"let {sender} sign: DMARC asks for it")
    missing = min(([name for name in wanted if name not in _names(one)] for one in ours), key=len)
    if missing:
        found = f"h= of the signature by {ours[0]['d']} lacks {' and '.join(missing)}"
        remedy = "make the signing server cover these fields (RFC 8058), or set DIGEST_DKIM_* to sign here"
        return fail("round trip", found, remedy)
    return ok("round trip", f"came back, signed by {ours[0]['d']}; h= covers {', '.join(wanted)}")


def _names(signature: dict[str, str]) -> list[str]:
    return signature.get("h", "").lower().split(":")


def _verdict(mail: Mail) -> list[Check]:
    """What the receiving server wrote into the first Authentication-Results (RFC 8601), if it did."""
    found = dict(_RESULT.findall(str(mail.get("Authentication-Results", "")).lower()))
    if not found:
        return []
    words = ", ".join(f"{method}={result}" for method, result in found.items())
    if any("fail" in result or "error" in result for result in found.values()):
        remedy = "mend the records that the checks of DNS name"
        return [fail("verdict", f"the receiving server says {words}", remedy)]
    return [ok("verdict", f"the receiving server says {words}")]
