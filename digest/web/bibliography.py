"""A pasted bibliography -> ids and titles: BibTeX (ORCID exports it), arXiv ids, DOIs, links. Pure."""

import re
from dataclasses import dataclass

from digest import identifiers

#: So many papers of a list count; a centroid of more says nothing new.
MOST = 200

_WORD = re.compile(r"[^\s,;{}\"<>|\\]+")
_TITLE = re.compile(r"\btitle\s*=\s*[{\"](.{3,400}?)[}\"]\s*(?:,|\}|$)", re.IGNORECASE | re.DOTALL)
_ORCID = re.compile(r"\b\d{4}-\d{4}-\d{4}-\d{3}[\dX]\b")


@dataclass(frozen=True, slots=True)
class Bibliography:
    """What a pasted text names."""

    ids: tuple[str, ...]  # arXiv ids and DOIs, each once
    titles: tuple[str, ...]


def read_bibliography(text: str) -> Bibliography:
    """Everything that the text names. Raises ValueError with a sentence if there is nothing."""
    found = dict.fromkeys(one for word in _WORD.findall(text) if (one := _identifier(word)))
    titles = dict.fromkeys(" ".join(re.sub(r"[{}\\]", "", raw).split()) for raw in _TITLE.findall(text))
    if not found and not titles:
        if _ORCID.search(text):
            raise ValueError(
                "an ORCID iD alone names no paper here; on orcid.org choose Works, Export to BibTeX, "
                "and paste that"
            )
        raise ValueError("no arXiv id, DOI or BibTeX title was found in this text")
    return Bibliography(tuple(found)[:MOST], tuple(titles)[:MOST])


def _identifier(word: str) -> str | None:
    """The id as it is stored, if the word is one."""
    bare = word.strip("().[]'")
    if found := identifiers.arxiv_id(bare):
        return found[0]
    return identifiers.doi(bare)
