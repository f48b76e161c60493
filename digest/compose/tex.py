"""TeX in titles and abstracts becomes Unicode; what has no plain form stays as typed. Pure.

Accents, Greek, sub- and superscripts, alphabets such as `\\mathbb` and some 800 symbols are known (the
symbols by pylatexenc). One pass over the text with a bounded depth: a nesting bomb costs linear time
and comes out as it went in.
"""

import re
import unicodedata
from typing import Final

from digest.compose.symbols import (
    ACCENTS,
    ALPHABETS,
    BLANKS,
    DROPPED,
    FUNCTIONS,
    LETTERS,
    MATH_ACCENTS,
    RELATIONS,
    SUBSCRIPTS,
    SUPERSCRIPTS,
    SYMBOLS,
    TEXT_LIKE,
    VULGAR,
)

_DEPTH: Final = 16
# Each alternative begins with a literal: then the search skips to it, five times as fast.
_HINT = re.compile(r"\\|\$|~|`|--|\{\w")
_CANDIDATE = re.compile(r"\\|\$|~|`|\{|--|\'\'")
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_MACRO = re.compile(r"\\([A-Za-z]+|.)", re.DOTALL)
_MATH_ENDS = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}
_TEXT_TOKEN = re.compile(
    r"\$\$?|\\[A-Za-z]+|\\.|\{|"
    r"(?<=[^\W\d]|[.)\]])~(?=[\w(\[\\])|(?<=\d)--(?=\d)|(?<=\w)---?(?=\w)| ---? |``|''",
    re.DOTALL,
)
_MATH_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}^_&$%#'~-]|\s+|[^\\{}^_&$%#'~\s-]+", re.DOTALL)
_SIGNS = re.compile(r"[\\^_{}=<>]")
_PROSE = re.compile(r"(?:^\d|\s)[^$]*[^\W\d]{2,}")
_TEXT_SIGNS = {"~": " ", "``": "“", "''": "”", "--": "–", "---": "—", " -- ": " – ", " --- ": " — "}


class _AsTyped(Exception):
    """This has no plain form; the source text stays."""


def to_unicode(text: str) -> str:
    """Replace TeX by Unicode. Never raises; text without TeX comes back unchanged.

    Takes about 0.1 ms an abstract; callers keep what they convert, a paper at a time.
    """
    if not _HINT.search(text):
        return text
    return unicodedata.normalize("NFC", _Tex(text).text(0, len(text), 0))


class _Tex:
    """One text: positions point into `source`, `closing` maps each opening brace to its partner."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.closing: dict[int, int] = {}
        opened: list[int] = []
        for match in _BRACES.finditer(source):
            if match.group() == "{":
                opened.append(match.start())
            elif match.group() == "}" and opened:
                self.closing[opened.pop()] = match.start()

    # Text ---------------------------------------------------------------------------------------

    def text(self, start: int, end: int, depth: int) -> str:
        """The text between two positions, with formulas inside."""
        if depth > _DEPTH:
            return self.source[start:end]
        out: list[str] = []
        while match := self._next_token(start, end):
            out.append(self.source[start : match.start()])
            try:
                piece, start = self._text_token(match.group(), match.start(), end, depth + 1)
            except _AsTyped:
                piece, start = self._as_typed(match.group(), match.start(), end)
            out.append(piece)
        return "".join(out) + self.source[start:end]

    def _next_token(self, start: int, end: int) -> re.Match[str] | None:
        """The next sign of TeX; a dash takes the blank before it along."""
        while found := _CANDIDATE.search(self.source, start, end):
            at = found.start()
            blank = at > start and found.group() == "--" and self.source[at - 1] == " "
            for first in range(at - blank, at + 1):
                if match := _TEXT_TOKEN.match(self.source, first, end):
                    return match
            start = at + 1
        return None

    def _as_typed(self, token: str, at: int, end: int) -> tuple[str, int]:
        """What could not be read: a whole formula, a macro with its arguments, or the one token."""
        after = at + len(token)
        if token in _MATH_ENDS:
            close = self.source.find(_MATH_ENDS[token], after, end)
            if close >= 0 and (len(token) > 1 or self._is_math(after, close)):
                after = close + len(token)
        while token[0] == "\\" and after < end and (close := self.closing.get(after, end)) < end:
            after = close + 1
        return self.source[at:after], after

    def _text_token(self, token: str, at: int, end: int, depth: int) -> tuple[str, int]:
        after = at + len(token)
        if token in _MATH_ENDS:
            return self._formula(token, after, end, depth)
        if token == "{":
            return self._protected(at, end, depth)
        if token in _TEXT_SIGNS:
            return _TEXT_SIGNS[token], after
        return self._text_macro(token[1:], at, after, end, depth)

    def _formula(self, opening: str, start: int, end: int, depth: int) -> tuple[str, int]:
        """A formula up to its closing mark; a lone dollar sign or an amount of money is none."""
        ending = _MATH_ENDS[opening]
        close = self.source.find(ending, start, end)
        if close < 0 or (opening[0] == "$" and not self._is_math(start, close)):
            raise _AsTyped
        return self.math(start, close, depth).strip(), close + len(ending)

    def _is_math(self, start: int, close: int) -> bool:
        """Signs of TeX tell; without them it is no formula if it looks like money or prose."""
        content = self.source[start:close]
        if _SIGNS.search(content) or (content and not any(c.isalnum() or c.isspace() for c in content)):
            return True
        if not content or content[0].isspace() or content[-1].isspace() or _PROSE.search(content):
            return False
        return not self.source[close + 1 : close + 2].isdigit()

    def _protected(self, at: int, end: int, depth: int) -> tuple[str, int]:
        """`{BERT}` and `{\\em x}` lose their braces; braces that may mean something stay."""
        close = self._close(at, end)
        content = self.source[at + 1 : close]
        if re.fullmatch(r"[^\W\d_][\w-]*", content) or re.match(r"\\(?:em|bf|it|rm|sc|tt|['\"`^~])", content):
            return self.text(at + 1, close, depth), close + 1
        raise _AsTyped

    def _text_macro(self, name: str, at: int, after: int, end: int, depth: int) -> tuple[str, int]:
        if name in ACCENTS:
            return self._accented(ACCENTS[name], after, end, depth)
        if name in TEXT_LIKE:
            close = self._close(after, end)
            return self.text(after + 1, close, depth), close + 1
        if name in ("textsuperscript", "textsubscript"):
            close = self._close(after, end)
            mark = "^" if name == "textsuperscript" else "_"
            return _script(mark, self.text(after + 1, close, depth)), close + 1
        if name in ("url", "href", "ensuremath", "footnote"):
            return self._text_argument(name, after, end, depth)
        if at and name.isalpha() and (self.source[at - 1].isalnum() or self.source[at - 1] in ":\\"):
            raise _AsTyped  # a path such as C:\alpha
        if name in DROPPED or name in BLANKS:
            return ("" if name in DROPPED else " "), self._skip_blank(after, end)
        if name in SYMBOLS:
            return SYMBOLS[name], self._after_word(name, after, end)
        raise _AsTyped

    def _text_argument(self, name: str, after: int, end: int, depth: int) -> tuple[str, int]:
        close = self._close(after, end)
        if name == "url":
            return self.source[after + 1 : close], close + 1
        if name == "footnote":
            return f" ({self.text(after + 1, close, depth)})", close + 1
        if name == "ensuremath":
            return self.math(after + 1, close, depth), close + 1
        label_close = self._close(close + 1, end)
        return self.text(close + 2, label_close, depth), label_close + 1

    def _accented(self, mark: str, after: int, end: int, depth: int) -> tuple[str, int]:
        """`\\'e`, `\\'{e}`, `\\c c`, `\\v{\\i}`: the letter and the combining mark, composed."""
        start = after
        if self.source[after - 1].isalpha():
            start = self._skip_blank(after, end)
            if start == after and self.source[start : start + 1] != "{":
                raise _AsTyped
        if self.source[start : start + 1] == "{":
            close = self._close(start, end)
            base, rest = self.text(start + 1, close, depth), close + 1
        elif letter := re.compile(r"\\([ij])(?![A-Za-z])\s?|[^\W\d_]").match(self.source, start, end):
            base, rest = letter.group(1) or letter.group(), letter.end()
        else:
            raise _AsTyped
        base = {"ı": "i", "ȷ": "j"}.get(base, base)
        if not base[:1].isalpha():
            raise _AsTyped
        return unicodedata.normalize("NFC", base[0] + mark) + base[1:], rest

    # Formulas -----------------------------------------------------------------------------------

    def math(self, start: int, end: int, depth: int) -> str:
        """A formula between two positions. Raises _AsTyped."""
        if depth > _DEPTH:
            raise _AsTyped
        out: list[str] = []
        while match := _MATH_TOKEN.match(self.source, start, end):
            piece, start = self._math_token(match.group(), match.start(), end, depth + 1)
            out.append(self._spaced(piece, out, start, end))
        if start != end:
            raise _AsTyped
        return re.sub(r" {2,}", " ", "".join(out))

    def _math_token(self, token: str, at: int, end: int, depth: int) -> tuple[str, int]:
        after = at + len(token)
        if token == "{":
            close = self._close(at, end)
            return self.math(at + 1, close, depth), close + 1
        if token in ("^", "_"):
            content, after = self._argument(after, end, depth)
            return _script(token, content.strip()), after
        if token == "-":
            between = self.source[at - 1 : at].isalpha() and self.source[after : after + 1].isalpha()
            return ("-" if between else "−"), after
        if token in ("&", "$", "%", "#", "}"):
            raise _AsTyped
        if token[0] == "\\":
            return self._math_macro(token[1:], after, end, depth)
        return {"'": "′", "~": " "}.get(token, " " if token.isspace() else token), after

    def _math_macro(self, name: str, after: int, end: int, depth: int) -> tuple[str, int]:
        if name in TEXT_LIKE:
            if self.source[after : after + 1] == "{":
                close = self._close(after, end)
                return self.text(after + 1, close, depth), close + 1
            return self._argument(after, end, depth)
        if name in ALPHABETS or name in MATH_ACCENTS:
            content, after = self._argument(after, end, depth)
            return (_alphabet if name in ALPHABETS else _hat)(name, content), after
        if name in ("frac", "tfrac", "dfrac", "nicefrac", "sqrt", "not"):
            return self._construct(name, after, end, depth)
        if name in DROPPED:
            after = self._skip_blank(after, end)
            empty = name in ("left", "right") and self.source[after : after + 1] == "."
            return "", after + empty
        if name in BLANKS:
            return " ", after
        if name in FUNCTIONS:
            return name, after
        if name in SYMBOLS:
            return SYMBOLS[name], self._after_word(name, after, end)
        raise _AsTyped

    def _construct(self, name: str, after: int, end: int, depth: int) -> tuple[str, int]:
        index = ""
        if name == "sqrt" and self.source[after : after + 1] == "[":
            close = self.source.find("]", after, end)
            if close < 0:
                raise _AsTyped
            index, after = _script("^", self.math(after + 1, close, depth)), close + 1
        first, after = self._argument(after, end, depth)
        if name == "sqrt":
            return f"{index}√{_operand(first)}", after
        if name == "not":
            return unicodedata.normalize("NFC", first.strip() + "\u0338"), after
        second, after = self._argument(after, end, depth)
        ratio = f"{_operand(first)}/{_operand(second)}"
        followed = self.source[after : min(after + 1, end)]
        if ratio in VULGAR:
            return VULGAR[ratio], after
        return (f"({ratio})" if followed.isalnum() or followed in ("\\", "(") else ratio), after

    def _argument(self, after: int, end: int, depth: int) -> tuple[str, int]:
        """What a macro or a script mark takes: a group, a macro or one character."""
        if depth > _DEPTH:
            raise _AsTyped
        at = self._skip_blank(after, end)
        match = _MATH_TOKEN.match(self.source, at, end)
        if not match:
            raise _AsTyped
        token = match.group() if match.group()[0] in "\\{" else match.group()[0]
        return self._math_token(token, at, end, depth + 1)

    def _spaced(self, piece: str, before: list[str], start: int, end: int) -> str:
        """Blanks around relations and between a function's name and its neighbours."""
        if piece in RELATIONS:
            return f" {piece} "
        if piece in FUNCTIONS:
            left = " " if before and before[-1][-1:].isalnum() else ""
            following = self.source[start : start + 1]
            return left + piece + (" " if following.isalnum() or following == "\\" else "")
        return piece

    # Positions ----------------------------------------------------------------------------------

    def _close(self, at: int, end: int) -> int:
        close = self.closing.get(at, end)
        if close >= end:
            raise _AsTyped
        return close

    def _skip_blank(self, at: int, end: int) -> int:
        while at < end and self.source[at].isspace():
            at += 1
        return at

    def _after_word(self, name: str, after: int, end: int) -> int:
        """TeX eats the blank after a control word; one that also stands before the word is meant."""
        if not name.isalpha() or SYMBOLS[name] in RELATIONS:
            return after
        if self.source.startswith("{}", after):
            return after + 2
        if name in LETTERS:
            return self._skip_blank(after, end)
        before = self.source[after - len(name) - 2 : after - len(name) - 1]
        return after if before.isspace() else self._skip_blank(after, end)


def _script(mark: str, content: str) -> str:
    table = SUPERSCRIPTS if mark == "^" else SUBSCRIPTS
    letters = sum(character.isalpha() for character in content)
    if content and letters <= 2 and all(character in table for character in content):
        return "".join(table[character] for character in content)
    if len(content) == 1 or content.isalnum():
        return mark + content
    return f"{mark}({content})"


def _operand(content: str) -> str:
    """Brackets around what is not one thing."""
    simple = (
        content.isalnum()
        or len(content) == 1
        or re.fullmatch(r"\w[\u0300-\u036f]*[₀-ₜ⁰-ⁿ²³¹]*|[\d.]+", content)
    )
    return content if simple else f"({content})"


def _alphabet(name: str, content: str) -> str:
    table = ALPHABETS[name]
    return "".join(table.get(character, character) for character in content)


def _hat(name: str, content: str) -> str:
    if name in ("overline", "underline"):
        return "".join(character + MATH_ACCENTS[name] for character in content)
    if sum(not unicodedata.combining(character) for character in content) != 1:
        raise _AsTyped
    return content + MATH_ACCENTS[name]
