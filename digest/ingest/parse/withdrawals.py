"""Does a text say that its paper was withdrawn? Pure.

A paper that was withdrawn is never mailed; one that merely studies withdrawals must not be lost. So only
whole phrases count, and only where authors and publishers put them.
"""

import re

_PAPER = r"(?:papers?|articles?|submission|manuscript|(?:pre|e-?)print|work|version|document|contribution)\b"
_GONE = r"(?:withdrawn|retracted)\b"
_OFTEN = r"(?:(?:now|been|being|\w+ly) ){0,3}"
_AUTHORS = r"(?:(?:the )?authors?|we|i) (?:(?:have|has|had|hereby|decided|wish|wishes|would like|to) ){0,4}"

#: "This paper has been withdrawn by …", "Paper withdrawn", "The authors have withdrawn their manuscript".
_PHRASE = re.compile(
    r"(?:arxiv admin note: )?(?:"
    rf"(?:(?:this|the|our|their|arxiv) ){{0,2}}{_PAPER} (?:(?:has|have|had|is|was|are) )?{_OFTEN}{_GONE}|"
    rf"{_AUTHORS}{_OFTEN}(?:{_GONE}|withdr[ae]ws?\b|retracts?\b) (?:this|the|our|their|my) {_PAPER})",
    re.IGNORECASE,
)

#: The word alone, with nothing after it but a reason.
_WORD = re.compile(
    rf"(?:temporarily )?{_GONE}(?=\W*$|[.,;:!)]| (?:by|due|because|as|since|pending|until|for|owing)\b)",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"[\[(]?(?:withdrawn|retracted|removed|retraction)(?: article| paper| preprint)?"
    r"(?:[\])]|\s*:|\s+[—–-]\s|\.\s)|retraction (?:note|notice)\b",
    re.IGNORECASE,
)
_SENTENCES, _PARTS = re.compile(r"(?<=[.;!?])\s+"), re.compile(r"[.;,]\s+")
_STEMS = ("ithdr", "etract", "ITHDR", "ETRACT")
_OPENING = "\"'*([ "


def told(abstract: str, comment: str = "") -> bool:
    """True if the abstract or the comment of its authors says it of the paper itself."""
    if not any(map((abstract + comment).__contains__, _STEMS)):
        return False  # nearly always: one look and no more
    first, *others = _SENTENCES.split(abstract.lstrip(_OPENING))
    starts = [first, *(part.lstrip(_OPENING) for part in _PARTS.split(comment))]
    starts += [one for one in others if one.lower().startswith(("this ", "arxiv admin note"))]
    return any(_PHRASE.match(start) for start in starts) or any(map(_WORD.match, starts))


def titled(title: str) -> bool:
    """True for titles such as `WITHDRAWN: …`, `[Retracted] …` and `Retraction Note: …`."""
    return _TITLE.match(title) is not None
