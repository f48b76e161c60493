"""What DNS records say about our mail: SPF, DKIM, DMARC, PTR. Pure; rules of RFC 7208, 6376, 7489.

Gmail, Yahoo and Outlook ask of every sender SPF or DKIM and a valid PTR, and from 5,000 mails a day SPF and
DKIM and DMARC with an aligned From (mail.md requirement 43).
"""

import re
from collections.abc import Sequence

from digest.pipeline.doctor.check import Check, fail, ok, warn


def tags(record: str) -> dict[str, str]:
    """The tags of a DKIM or DMARC record: `v=DMARC1; p=none` -> {"v": "DMARC1", "p": "none"}."""
    parts = (part.partition("=") for part in record.split(";") if "=" in part)
    return {name.strip().lower(): value.strip() for name, _, value in parts}


def spf(domain: str, texts: Sequence[str]) -> Check:
    """Exactly one SPF record that names senders and does not allow everybody."""
    found = [text for text in texts if re.match(r"v=spf1(\s|$)", text, re.IGNORECASE)]
    if not found:
        remedy = (
            f'add a TXT record to {domain}, such as "v=spf1 mx -all", naming the servers that send for it'
        )
        return fail("spf", f"{domain} has no SPF record", remedy)
    if len(found) > 1:
        return fail(
            "spf", f"{domain} has {len(found)} SPF records, which counts as none", "join them into one"
        )
    words = found[0].lower().split()
    if any(word in ("all", "+all") for word in words):
        return fail(
            "spf", f'{domain} says "{found[0]}": everybody may send', "end the record with -all or ~all"
        )
    if len(words) == 2 and words[1] == "-all":
        return fail("spf", f"{domain} says that nobody may send for it", "name the servers that send")
    lookups = sum(bool(re.match(r"[?~+-]?(include:|a\b|mx\b|ptr|exists:)|redirect=", word)) for word in words)
    if lookups > 10:
        return fail(
            "spf", f"the SPF record of {domain} needs {lookups} lookups, 10 are allowed", "shorten it"
        )
    return ok("spf", f"{domain}: {found[0]}")


def dkim(name: str, expected: str, texts: Sequence[str]) -> Check:
    """The published key is the public half of ours."""
    wanted = tags(expected)
    found = [tags(text) for text in texts if "p=" in text]
    show = "`digest doctor --dkim` prints the record to publish"
    if not found:
        return fail("dkim", f"{name} has no DKIM record", show)
    if found[0].get("p") == "":
        return fail("dkim", f"the key of {name} is revoked (p= is empty)", show)
    if re.sub(r"\s", "", found[0].get("p", "")) != wanted["p"]:
        return fail("dkim", f"{name} holds another key than DIGEST_DKIM_KEY_FILE", show)
    if found[0].get("k", "rsa") != wanted["k"]:
        return fail("dkim", f"{name} says k={found[0].get('k', 'rsa')}, our key is {wanted['k']}", show)
    if "y" in found[0].get("t", "").split(":"):
        return warn("dkim", f"{name} matches our key, but is marked as a test (t=y)", "remove t=y")
    return ok("dkim", f"{name} matches our key")


def dmarc(domain: str, at: str | None, texts: Sequence[str]) -> Check:
    """A DMARC record at the domain or above it; `at` is where one was found."""
    found = [tags(text) for text in texts if text.upper().startswith("V=DMARC1")]
    if not found or at is None:
        remedy = f'add a TXT record to _dmarc.{domain}: "v=DMARC1; p=none; rua=mailto:postmaster@{domain}"'
        return fail("dmarc", f"{domain} has no DMARC record", remedy)
    if len(found) > 1:
        return fail("dmarc", f"_dmarc.{at} has {len(found)} DMARC records, which counts as none", "keep one")
    policy = found[0].get("p", "").lower()
    if policy not in ("none", "quarantine", "reject"):
        return fail("dmarc", f"_dmarc.{at} has no valid policy (p={policy})", "set p=none or stricter")
    return ok("dmarc", f"_dmarc.{at}: p={policy}")


def aligned(one: str, other: str, organisation: str | None = None) -> bool:
    """Relaxed alignment: equal, or below one organisational domain (where the DMARC record stands)."""
    one, other = one.lower().rstrip("."), other.lower().rstrip(".")
    if one == other:
        return True
    above = (organisation or min(one, other, key=len)).lower()
    return all(name == above or name.endswith(f".{above}") for name in (one, other))


def alignment(sender: str, *, return_path: str, signer: str | None, organisation: str | None) -> Check:
    """DMARC passes if the signer or the return path belongs to the domain of From."""
    by_key = signer is not None and aligned(sender, signer, organisation)
    by_path = aligned(sender, return_path, organisation)
    if by_key:
        return ok("alignment", f"From {sender} is aligned with the signature of {signer}")
    if signer is not None:
        remedy = f"set DIGEST_DKIM_DOMAIN to {sender}, or send from {signer}"
        return fail("alignment", f"From {sender} is not aligned with the signature of {signer}", remedy)
    if by_path:
        remedy = (
            "sign as well (DIGEST_DKIM_*), or let the mail server sign: SPF breaks when mail is forwarded"
        )
        return warn(
            "alignment", f"From {sender} can be aligned by SPF only (return path {return_path})", remedy
        )
    remedy = f"set DIGEST_BOUNCE_ADDRESS to an address at {sender}, or sign with DIGEST_DKIM_*"
    return fail("alignment", f"From {sender} is not aligned with the return path {return_path}", remedy)


def reverse(address: str, names: Sequence[str], forward: Sequence[str]) -> Check:
    """The address of the sending server has a name, and that name has the address."""
    if not names:
        return fail("ptr", f"{address} has no PTR record", "ask whoever owns the address to set one")
    if address not in forward:
        remedy = f"make {names[0]} resolve to {address}"
        return fail("ptr", f"{address} is called {names[0]}, which is another address", remedy)
    return ok("ptr", f"{address} is {names[0]}")
