"""Templates of the pages -> responses. Feed and reader text is only ever a value, never a template."""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup
from starlette.responses import HTMLResponse

from digest import errors
from digest.models import Site

_PACKAGE = Path(__file__).resolve().parents[1] / "templates"
_CHECKOUT = Path(__file__).resolve().parents[2] / "templates"

#: For pages behind a token: never stored, never found by a search engine.
PRIVATE = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}


def folder() -> Path:
    """Where the templates of the pages are: in the package, or in the checkout."""
    found = next((place / "web" for place in (_PACKAGE, _CHECKOUT) if (place / "web").is_dir()), None)
    if found is None:
        raise errors.TemplateError("the templates of the pages are missing; install digest-papers again")
    return found


class Pages:
    """The templates, compiled, with what every page shows."""

    def __init__(self, site: Site, base_url: str, proof_bits: int = 0) -> None:
        """Read the operator's overrides first, then ours. Raises TemplateError."""
        places = [Path(site.template_folder) / "web"] if site.template_folder else []
        self._environment = ImmutableSandboxedEnvironment(
            loader=ChoiceLoader([FileSystemLoader(place) for place in (*places, folder())]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.root = urlsplit(base_url).path.rstrip("/")
        self._environment.globals |= {
            "site": site,
            "proof_bits": proof_bits,
            "root": self.root,
            "base_url": base_url.rstrip("/"),
            "asset": _assets(self.root),
        }
        self._environment.filters |= {"day": day, "plural": plural, "breaks": breaks, "score": score}

    def text(self, template: str, /, **values: Any) -> str:
        """One page as text. Raises TemplateError."""
        try:
            return self._environment.get_template(template).render(**values)
        except TemplateError as error:
            raise errors.TemplateError(f"{template}: {error}") from error

    def page(
        self,
        template: str,
        /,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """One page as a response."""
        return HTMLResponse(self.text(template, **values), status_code=status, headers=headers)

    def say(
        self,
        heading: str,
        *sentences: str,
        status: int = 200,
        action: str | None = None,
        button: str = "",
        fields: Mapping[str, str] | None = None,
        links: Mapping[str, str] | None = None,
        quiet: str = "",
    ) -> HTMLResponse:
        """A private page with a heading, sentences, at most one form with one button, and links."""
        return self.page(
            "message.html",
            status=status,
            headers=PRIVATE,
            heading=heading,
            sentences=sentences,
            action=action,
            button=button,
            fields=fields or {},
            links=links or {},
            quiet=quiet,
        )


def _assets(root: str) -> Callable[[str], str]:
    """Address of a static file with a mark of its content, so that it may be kept for ever."""
    marks = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:10]
        for path in (folder() / "static").iterdir()
        if path.is_file()
    }
    return lambda name: f"{root}/static/{name}?{marks[name]}"


def day(at: datetime | None) -> str:
    """Monday, 13 April 2026."""
    return f"{at:%A}, {at.day} {at:%B %Y}" if at else ""


def plural(count: int, word: str) -> str:
    """1 vote, 2 votes, 1,024 votes."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def score(value: float) -> str:
    """A score as people read it."""
    return f"{value:.0f}"


def breaks(text: str) -> Markup:
    """Escaped text whose empty lines part paragraphs."""
    escaped = str(Markup.escape(text))
    return Markup(re.sub(r"\n\s*\n", "</p><p>", escaped))
