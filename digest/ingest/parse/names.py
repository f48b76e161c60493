"""Names of authors: one string a person, given name first where the feed says which it is. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import islice

from digest.ingest.parse.text import from_html, joined

#: More names than the largest collaborations have; a feed that lists more is not believed.
MOST = 6_000

_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "d": "\u0323", "b": "\u0331", "k": "\u0328",
    "r": "\u030a", "t": "\u0361",
}  # fmt: skip
_LETTERS = {
    "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ss": "ß", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ",
    "aa": "å", "AA": "Å", "i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ",
    "DJ": "Đ", "ng": "ŋ",
}  # fmt: skip
_SIGN = re.compile(r"""\\(['`^"~=.])\s*(?:\{\s*\\?([^\W\d_])\s*\}|\\?([^\W\d_]))""")
_WORD = re.compile(r"\\([uvHcdbkrt])(?:\s*\{\s*\\?([^\W\d_])\s*\}|\s+\\?([^\W\d_]))")
_LETTER = re.compile(r"\\(ss|ae|AE|oe|OE|aa|AA|dh|DH|th|TH|dj|DJ|ng|o|O|l|L|i|j)(?![A-Za-z])\s*(?:\{\})?")
_COMMAND = re.compile(r"\\[A-Za-z]+\*?\s*")
_INITIALS = re.compile(r"(?:[^\W\d_]{1,2}\.[\s-]*)+|[^\W\d_a-z]{1,3}", re.UNICODE)
_BARE_INITIALS = re.compile(r"([^\W\d_][^\d,]+?) ([^\W\d_a-z]{1,3})", re.UNICODE)
_SURNAME = re.compile(
    r"(?:[a-z]+ ){0,3}[A-Z\u00c0-\u024f][\w'’`-]+", re.UNICODE
)  # with particles, in Latin letters
_OTHERS = frozenset({"et al.", "et al", "and others", "others", "member", "senior member", "fellow"})
_TITLES = frozenset({"jr", "sr", "ii", "iii", "iv", "phd", "md"})
_GROUP = re.compile(r"\b(?:collaborations?|consortium|team|group|university|institute|department)\b", re.I)
_NUMBERS = re.compile(r"^[\d\W_]*$")


def decoded(text: str) -> str:
    """TeX accents as Unicode (`P\\'aez` is `Páez`), braces and other commands dropped."""
    if "\\" not in text and "{" not in text and "$" not in text:
        return text
    text = _WORD.sub(_accented, _SIGN.sub(_accented, text))
    text = _WORD.sub(_accented, _SIGN.sub(_accented, text))  # two on one letter: `\~{\^e}`
    text = _LETTER.sub(lambda found: _LETTERS[found[1]], text)
    text = _COMMAND.sub("", text.replace(r"\&", "&").replace("\\ ", " "))
    return unicodedata.normalize("NFC", re.sub(r"[{}$\\]", "", text).replace("~", " "))


def _accented(found: re.Match[str]) -> str:
    base = found[2] or found[3]
    return unicodedata.normalize("NFC", base + _ACCENTS[found[1]])


def split(text: object) -> tuple[str, ...]:
    """Authors out of one string in any form that feeds use: commas, semicolons, `Surname, I.` pairs."""
    plain = _plain(text)
    if ";" in plain:
        return cleaned(map(_given_first, _outside(plain, ";")))
    parts = _at_commas(plain)
    if len(parts) == 2 and _SURNAME.fullmatch(parts[0].strip()):
        return cleaned([_given_first(plain)])
    return cleaned(_surname_first(parts)) or _of_parts(parts)


def split_given_first(text: object) -> tuple[str, ...]:
    """Authors out of arXiv's string: the given name comes first, also before what looks like initials."""
    plain = _plain(text)
    return split(plain) if ";" in plain else _of_parts(_at_commas(plain))


def _plain(text: object) -> str:
    return from_html(text) if isinstance(text, str) and "<" in text else joined(text)


def _at_commas(plain: str) -> list[str]:
    return [part for part in _outside(plain, ",") if part.strip().lower() not in _OTHERS]


def _of_parts(parts: list[str]) -> tuple[str, ...]:
    return cleaned(_paired(parts) or (name for part in parts for name in _and(part)))


def listed(names: Iterable[object]) -> tuple[str, ...]:
    """Authors that a feed lists one by one, some as `Surname, Given`; not twice if all are listed twice."""
    found = cleaned(_given_first(name) if isinstance(name, str) else name for name in names)
    half = len(found) // 2
    return found[:half] if found[:half] == found[half:] else found


def cleaned(names: Iterable[object]) -> tuple[str, ...]:
    """Names without affiliations in brackets, TeX or markup; two people may have one name."""
    plain = (_name(name) for name in names if isinstance(name, str))
    return tuple(islice((name for name in plain if name), MOST))


def _name(text: str) -> str:
    if "<" in text:
        text = from_html(text)
    if "(" in text or ")" in text:
        text = "".join(_outside(text, "", keep_brackets=False))
    plain = joined(decoded(text)).strip(" ,;*†‡")
    return "" if _NUMBERS.match(plain) or len(plain) > 300 else plain


def _outside(text: str, separator: str, *, keep_brackets: bool = True) -> list[str]:
    """Split at a separator outside brackets; a bracket that is never closed counts as none."""
    if "(" not in text and ")" not in text:
        return text.split(separator) if separator else [text]
    parts: list[str] = []
    current: list[str] = []
    depth = 0
    for place, sign in enumerate(text):
        if sign == "(" and (depth or ")" in text[place:]):
            depth += 1
        if not depth and sign == separator:
            parts.append("".join(current))
            current = []
        elif keep_brackets or not (depth or sign in "()"):
            current.append(sign)
        if sign == ")" and depth:
            depth -= 1
    return [*parts, "".join(current)]


def _paired(parts: list[str]) -> list[str]:
    """`LAPALU, N., SIMON, A.`: the comma is also inside the names; empty if it is not such a list."""
    stripped = [part.strip() for part in parts if part.strip()]
    seconds = stripped[1::2]
    if len(stripped) < 2 or len(stripped) % 2 or not all(_INITIALS.fullmatch(part) for part in seconds):
        return []
    if any(_INITIALS.fullmatch(part) for part in stripped[::2]):
        return []
    return [f"{given} {surname}" for surname, given in zip(stripped[::2], seconds, strict=True)]


def _surname_first(parts: list[str]) -> list[str]:
    """`Chen C, Zhou Y.`: empty unless every name ends with bare initials."""
    stripped = [part.strip() for part in parts]
    found = [
        _BARE_INITIALS.fullmatch(part) for part in [*stripped[:-1], *(p.rstrip(".") for p in stripped[-1:])]
    ]
    return [f"{one[2]} {one[1]}" for one in found if one] if parts and all(found) else []


def _given_first(name: str) -> str:
    surname, comma, given = name.partition(",")
    if not comma or "(" in surname or "," in given or given.strip().lower().rstrip(".") in _TITLES:
        return name
    return f"{given.strip()} {surname.strip()}"


def _and(part: str) -> list[str]:
    if " and " not in part or _GROUP.search(part) or "(" in part:
        return [part.strip().removeprefix("and ")]
    return part.split(" and ")
