"""Markup that a feed escaped once too often: `&amp;lt;i&amp;gt;` in a title is meant as italics. Pure.

Stored texts stay as they came. What is shown loses only what is certainly markup: entities that HTML knows,
and the tags of inline markup where they stand in pairs; `a<b>c` stays.
"""

import re
from html import unescape
from html.entities import html5
from typing import Final

_ENTITY: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_PAIR: Final = re.compile(
    r"<(i|b|em|strong|u|tt|code|sc|scp|small|span|p|sub|sup|inf)(?:\s[^<>]{0,200})?>([^<>]*)</\1>",
    re.IGNORECASE,
)
_SCRIPTS: Final = {"sub": r"\textsubscript", "inf": r"\textsubscript", "sup": r"\textsuperscript"}

#: Feeds of feeds escape twice, nobody four times; and tags stand in tags at most so deep.
_TIMES: Final = 3


def decoded(text: str) -> str:
    """The text as its author saw it; sub- and superscripts become TeX, which `tex` shows."""
    if "&" in text:
        text = _unescaped(text)
    for _ in range(_TIMES if "</" in text else 0):
        text = _PAIR.sub(_content, text)
    return text


def _unescaped(text: str) -> str:
    for _ in range(_TIMES):
        before, text = text, _ENTITY.sub(_character, text)
        if text == before:
            break
    return text


def _character(match: re.Match[str]) -> str:
    entity = match.group()
    return unescape(entity) if entity[1] == "#" or entity[1:] in html5 else entity


def _content(match: re.Match[str]) -> str:
    mark = _SCRIPTS.get(match.group(1).lower())
    return f"{mark}{{{match.group(2)}}}" if mark else match.group(2)
