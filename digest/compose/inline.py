"""CSS written into the tags of a template, once, when it is loaded. Pure.

Mail programs drop style sheets; what stands in a tag stays. The Jinja tags of the template are hidden
from the HTML parser meanwhile: as comments between HTML tags, as plain words inside one.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

import css_inline

_JINJA = re.compile(r"\{[{%#].*?[}%#]\}", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/|\"[^\"\n]*\"|'[^'\n]*'", re.DOTALL)
_HIDDEN = re.compile(r"<!--jinja(\d+)-->|jinja(\d+)x(?:=\"\")?")
_LINK = '<link rel="stylesheet" href="style.css">'
_NO_COMMENTS = (("<", ">"), ("<!--", "-->"), ("<title", "</title"), ("<style", "</style"))

# Its defaults read local files and fetch addresses that a template names.
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True)


@dataclass(frozen=True, slots=True)
class Inlined:
    """The template after inlining, and where each of its lines came from."""

    source: str
    lines: tuple[tuple[int, int], ...]  # line here, line in the file; one pair a Jinja tag

    def line(self, number: int) -> int:
        """The line of the file that line `number` came from."""
        position = bisect_right(self.lines, (number, 0))
        if position < len(self.lines) and self.lines[position][0] == number:
            return self.lines[position][1]
        return self.lines[position - 1][1] if position else number


def inline(source: str, style: str) -> Inlined:
    """Write the rules of `style` into the tags of a template; its Jinja tags stay as they are.

    A template with a `<link>` to style.css is a whole document and keeps the `@media` rules in its head.
    """
    hidden, tags = _hide(source)
    if _LINK in hidden:
        one_line = " ".join(style.split())
        inlined = _inliner.inline(hidden.replace(_LINK, f"<style>{one_line}</style><!--style-->"))
        sheet = re.search(r"<style>.*?</style>", inlined)  # css-inline puts it before the charset
        kept = sheet.group() if sheet else ""
        return _show(inlined.replace(kept, "", 1).replace("<!--style-->", kept), tags)
    return _show(_inliner.inline_fragment(hidden, style), tags)


def style_fault(style: str) -> tuple[int, str] | None:
    """Line and words of what keeps a style sheet from being read: a brace too many or too few, or no rule.

    The inliner reads past such a fault without a word, and the mail would lose its whole look.
    """
    bare = _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), style)
    opened: list[int] = []
    for match in re.finditer(r"[{}]", bare):
        line = bare.count("\n", 0, match.start()) + 1
        if match[0] == "{":
            opened.append(line)
        elif not opened:
            return line, "a } without its {"
        else:
            opened.pop()
    if opened:
        return opened[-1], "a { without its }"
    return (1, "no rule of CSS stands here") if bare.strip() and "{" not in bare else None


def _hide(source: str) -> tuple[str, list[tuple[str, int]]]:
    """The template with its Jinja tags hidden, and those tags with their lines."""
    tags: list[tuple[str, int]] = []
    hidden, position = "", 0
    for match in _JINJA.finditer(source):
        hidden += source[position : match.start()]
        position = match.end()
        plain = any(hidden.rfind(start) > hidden.rfind(end) for start, end in _NO_COMMENTS)
        hidden += f"jinja{len(tags)}x" if plain else f"<!--jinja{len(tags)}-->"
        tags.append((match.group(), source.count("\n", 0, match.start()) + 1))
    return hidden + source[position:], tags


def _show(inlined: str, tags: list[tuple[str, int]]) -> Inlined:
    """Put the Jinja tags back, and note where they stand now."""
    shown, position, number = [], 0, 1
    lines: list[tuple[int, int]] = []
    for match in _HIDDEN.finditer(inlined):
        before = inlined[position : match.start()]
        tag, line = tags[int(match.group(1) or match.group(2))]
        number += before.count("\n")
        lines.append((number, line))
        number += tag.count("\n")
        shown += [before, tag]
        position = match.end()
    return Inlined("".join([*shown, inlined[position:]]), tuple(lines))
