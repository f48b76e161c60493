"""Text as people read it: white space joined, control characters gone, HTML to plain text. Pure.

arXiv's titles and abstracts are plain text that merely looks like HTML (`p<q`, `<EOS>`): they go through
`joined` alone. What really is HTML (journals) goes through `from_html`. Nothing here is safe to be put
into a page: escaping is the business of whoever writes one.
"""

import re
from html import unescape
from html.parser import HTMLParser

#: C0, C1 (but tab and line ends, which are joined), surrogates, byte order marks and non-characters.
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
_TAG = re.compile(
    r"</?(?:p|br|hr|b|i|u|em|strong|a|div|span|sub|sup|ul|ol|li|dl|dt|dd|img|table|tr|td|h[1-6]|font|center|"
    r"blockquote|section|scp|sc|small|script|style|iframe|form|input|svg|math|pre|code|(?:jats|mml):[a-z-]+)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z]{2,8});")
_INLINE = re.compile(r"<(sub|sup|i|b|em|strong|scp|italic|bold)>([^<>]*)</\1>", re.IGNORECASE)
_BLOCKS = frozenset("p div br li ul ol tr td th h1 h2 h3 h4 h5 h6 section title sec blockquote".split())  # noqa: SIM905
_BREAK = "\x1e"
_ADDRESS = re.compile(r"https?://[^\s/?#@<>\"'`\\]+(?:[/?#][^\s<>\"`\\]*)?", re.IGNORECASE)
_TRACKING = re.compile(
    r"(?<=[?&])(?:utm_\w+|af|rss|dgcid|TRACK|rft_dat|fbclid|gclid|mc_[ce]id)=[^&#]*&?", re.IGNORECASE
)
_ELEMENT = re.compile(
    r"\w+:.*|\w+-.*|[bh]r|h[1-6]|"  # JATS, MathML and custom elements; the rest is HTML's
    r"a|abbr|acronym|address|applet|area|article|aside|audio|b|base|bdi|bdo|big|"
    r"blink|blockquote|body|bold|button|canvas|caption|center|cite|code|col|colgroup|"
    r"data|dd|del|details|dfn|dialog|dir|div|dl|dt|em|embed|fieldset|figcaption|"
    r"figure|font|footer|form|frame|frameset|head|header|html|i|iframe|img|input|ins|"
    r"italic|kbd|label|legend|li|link|list|main|map|mark|marquee|math|menu|meta|"
    r"meter|nav|nobr|noscript|object|ol|optgroup|option|output|p|param|picture|portal|"
    r"pre|progress|rp|rt|ruby|s|samp|sc|scp|script|sec|section|select|slot|small|"
    r"source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|template|"
    r"textarea|tfoot|th|thead|time|title|tr|track|tt|u|ul|var|video|wbr"
)
_WITHOUT_ATTRIBUTES = frozenset(
    {"a", "b", "i", "p", "s", "u", "em", "sub", "sup", "strong", "var", "tt", "th"}
)
_SILENT = frozenset({"script", "style", "template", "noscript", "iframe", "object"})


def joined(text: object) -> str:
    """One line: runs of white space become one blank, control characters vanish."""
    if not isinstance(text, str):
        return ""
    clean = text if text.isprintable() else _UNWANTED.sub("", text)  # nothing unwanted is printable
    return " ".join(clean.split())


def title(text: object) -> str:
    """A title as plain text: inline markup such as `<sub>2</sub>` is undone, `p<q` is left alone."""
    plain = joined(text)
    if "<" in plain:
        plain = _INLINE.sub(r"\2", _INLINE.sub(r"\2", plain))
    return plain


def plain(text: object) -> str:
    """Text that may be HTML or not: markup is undone only where there is a real tag or entity."""
    if not isinstance(text, str):
        return ""
    return from_html(text) if _TAG.search(text) or _ENTITY.search(text) else joined(text)


def from_html(text: object) -> str:
    """Plain text of an HTML fragment; scripts, styles and embedded objects leave nothing behind."""
    return " ".join(blocks(text))


def blocks(text: object) -> list[str]:
    """The paragraphs of an HTML fragment as plain text, in their order, empty ones left out."""
    if not isinstance(text, str):
        return []
    if "<" not in text:
        lines = [unescape(text)]
    else:
        reader = _Reader()
        reader.feed(text)
        reader.close()
        lines = "".join(reader.parts).split(_BREAK)
    return [line for raw in lines if (line := joined(raw))]


class _Reader(HTMLParser):
    """Collects character data; block elements become breaks, so that words do not run together.

    What only looks like a tag (`<EOS>`, `a<b and c>d`) is text.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        local = tag.rpartition(":")[2]
        words = local in _WITHOUT_ATTRIBUTES and any(value is None and name != "/" for name, value in attrs)
        if words or not _is_element(tag):
            raw = self.get_starttag_text() or ""
            self.handle_data(raw[:1] + _TAG.sub("", raw[1:]))  # `p<q</b>` is read as one tag
            return
        self._silent += local in _SILENT
        if local in _BLOCKS:
            self.parts.append(_BREAK)

    def handle_endtag(self, tag: str) -> None:
        local = tag.rpartition(":")[2]
        if not _is_element(tag):
            self.handle_data(f"</{tag}>")
            return
        self._silent = max(0, self._silent - (local in _SILENT))
        if local in _BLOCKS:
            self.parts.append(_BREAK)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def _is_element(tag: str) -> bool:
    """True for an element of HTML, JATS or MathML."""
    return _ELEMENT.fullmatch(tag) is not None


def link(text: object) -> str:
    """An address that may be shown: http or https with a host, without marks of tracking; else empty."""
    if not isinstance(text, str):
        return ""
    plain = _TRACKING.sub("", _UNWANTED.sub("", text).strip().replace(" ", "%20"))
    plain = re.sub(r"\?(?=#|$)", "", plain.replace("?&", "?"))
    if not _ADDRESS.fullmatch(plain) or len(plain) > 2_000:
        return ""
    return plain
