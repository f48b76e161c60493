"""TeX in titles and abstracts becomes Unicode; what cannot stays as typed. Pure."""

import re
from functools import lru_cache

from pylatexenc.latex2text import LatexNodes2Text

_COMMANDS = LatexNodes2Text(math_mode="text", keep_comments=True, strict_latex_spaces=True)


@lru_cache(maxsize=20_000)
def to_unicode(text: str) -> str:
    """Replace TeX accents and simple mathematics by Unicode."""
    if not re.search(r"[\\$]", text):
        return text
    try:
        return str(_COMMANDS.latex_to_text(text))
    except (ValueError, RecursionError, IndexError):
        return text
