"""The operator's templates: Jinja2 in a sandbox, CSS inlined once when a template is loaded.

Feed text is only ever a value, never a template. A name is looked for in the operator's folder, then
in the package, then in a checkout.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import css_inline
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateNotFound,
    TemplateSyntaxError,
    UndefinedError,
)
from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.compose import prose
from digest.errors import TemplateError

_PACKAGE = Path(__file__).resolve().parents[1] / "templates"
_CHECKOUT = Path(__file__).resolve().parents[2] / "templates"


class Templates:
    """The mail templates, compiled; `render` names the file and line of what is broken."""

    def __init__(self, folder: str | None = None) -> None:
        """Take the operator's folder of overrides; None: only what the package brings."""
        places = [Path(folder) / "email"] if folder else []
        places += [place / "email" for place in (_PACKAGE, _CHECKOUT) if place.is_dir()]
        if folder:
            places.insert(1, Path(folder))
        files = [FileSystemLoader(place) for place in places]
        self._environment = ImmutableSandboxedEnvironment(
            loader=_Inlining(ChoiceLoader(files)),
            autoescape=lambda name: name is not None and name.endswith(".html"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters["wrap"] = prose.wrap

    def render(self, name: str, /, **values: Any) -> str:
        """Fill one template. Raises TemplateError with file and line."""
        return self.renderer(name)(**values)

    def renderer(self, name: str) -> Callable[..., str]:
        """The template, ready to be filled many times. Raises TemplateError with file and line."""
        try:
            template = self._environment.get_template(name)
        except TemplateNotFound as error:
            raise TemplateError(f"the template {error} is missing") from error
        except TemplateSyntaxError as error:
            raise TemplateError(f"{error.filename or name}:{error.lineno}: {error.message}") from error
        return partial(_fill, template)


def _fill(template: Template, /, **values: Any) -> str:
    try:
        return template.render(**values)
    except (
        UndefinedError,
        SecurityError,
        TemplateRuntimeError,
        TypeError,
        ValueError,
        ArithmeticError,
    ) as error:
        raise TemplateError(f"{template.filename}:{_line(error, template)}: {error}") from error


def _line(error: Exception, template: Template) -> int:
    """Line of the template where the error arose; Jinja2 rewrites the traceback to template lines."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == template.filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


class _Inlining(BaseLoader):
    """Loads as `inner` does, with style.css written into the tags of every .html template."""

    def __init__(self, inner: BaseLoader) -> None:
        self._inner = inner

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, filename, uptodate = self._inner.get_source(environment, template)
        if template.endswith(".html"):
            style, _, _ = self._inner.get_source(environment, "style.css")
            source = inline(source, style)
        return source, filename, uptodate


_JINJA = re.compile(r"\{[{%#].*?[}%#]\}", re.DOTALL)
_HIDDEN = re.compile(r"<!--jinja(\d+)-->|jinja(\d+)x(?:=\"\")?")
_LINK = '<link rel="stylesheet" href="style.css">'
_NO_COMMENTS = (("<", ">"), ("<!--", "-->"), ("<title", "</title"), ("<style", "</style"))
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True)


def inline(source: str, style: str) -> str:
    """Write the rules of `style` into the tags of a template, whose Jinja tags stay as they are.

    A template with a `<link>` to style.css is a whole document and keeps the `@media` rules in its head.
    """
    hidden, tags = _hide(source)
    if _LINK in hidden:
        one_line = " ".join(style.split())
        inlined = _inliner.inline(hidden.replace(_LINK, f"<style>{one_line}</style><!--style-->"))
        sheet = re.search(r"<style>.*?</style>", inlined)  # css-inline puts it before the charset
        kept = sheet.group() if sheet else ""
        result = inlined.replace(kept, "", 1).replace("<!--style-->", kept)
    else:
        result = _inliner.inline_fragment(hidden, style)
    return _HIDDEN.sub(lambda match: tags[int(match.group(1) or match.group(2))], result)


def _hide(source: str) -> tuple[str, list[str]]:
    """Jinja tags become comments between HTML tags, plain words inside a tag or a comment."""
    tags: list[str] = []
    hidden, position = "", 0
    for match in _JINJA.finditer(source):
        hidden += source[position : match.start()]
        position = match.end()
        plain = any(hidden.rfind(start) > hidden.rfind(end) for start, end in _NO_COMMENTS)
        hidden += f"jinja{len(tags)}x" if plain else f"<!--jinja{len(tags)}-->"
        tags.append(match.group())
    return hidden + source[position:], tags
