"""The operator's templates: Jinja2 in a sandbox, strict, escaped; faults named with file and line.

Feed text is only ever a value, never a template. A name is looked for in the operator's folder, then
in the package, then in a checkout.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.compose import prose
from digest.compose.inline import Inlined, inline
from digest.errors import TemplateError

_PACKAGE = Path(__file__).resolve().parents[1] / "templates"
_CHECKOUT = Path(__file__).resolve().parents[2] / "templates"


class Templates:
    """The mail templates, compiled once."""

    def __init__(self, folder: str | None = None) -> None:
        """Take the operator's folder of overrides; None: only what the package brings."""
        if folder and not Path(folder).is_dir():
            raise TemplateError(
                f"DIGEST_TEMPLATES: there is no folder {folder}; make it, or unset the variable"
            )
        own = [Path(folder) / "email", Path(folder)] if folder else []
        shipped = [place / "email" for place in (_PACKAGE, _CHECKOUT) if place.is_dir()]
        self._loader = _Inlining(ChoiceLoader([FileSystemLoader(place) for place in [*own, *shipped]]))
        self._environment = ImmutableSandboxedEnvironment(
            loader=self._loader,
            autoescape=lambda name: name is not None and name.endswith(".html"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters["wrap"] = prose.wrap

    def renderer(self, name: str) -> Callable[..., str]:
        """The template, ready to be filled many times. Raises TemplateError with file and line."""
        try:
            template = self._environment.get_template(name)
        except TemplateNotFound as error:
            raise TemplateError(f"the template {error} is missing") from error
        except TemplateSyntaxError as error:
            raise TemplateError(f"{error.filename or name}:{error.lineno}: {error.message}") from error
        except (UnicodeDecodeError, OSError) as error:
            raise TemplateError(f"the template {name} cannot be read as UTF-8: {error}") from error

        shared = dict(template.globals)  # a ChainMap, whose merging would cost as much as rendering

        def fill(**values: Any) -> str:
            try:
                context = template.new_context(shared | values, shared=True)
                return "".join(template.root_render_func(context))
            except Exception:  # an operator's code: it may raise whatever Python can
                raise self._fault(template) from None

        return fill

    def _fault(self, template: Template) -> TemplateError:
        """The exception being handled, with the file and the line where it arose."""
        try:
            self._environment.handle_exception()
        except Exception as error:
            place = f"{template.filename}:{self._line(error, template)}"
            return TemplateError(f"{place}: {error or type(error).__name__}")

    def _line(self, error: Exception, template: Template) -> int:
        """Line of the file where the error arose; Jinja2 rewrites the traceback to lines of its source."""
        line, trace = 0, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == template.filename:
                line = trace.tb_lineno
            trace = trace.tb_next
        inlined = self._loader.inlined.get(template.name or "")
        return inlined.line(line) if inlined else line


class _Inlining(BaseLoader):
    """Loads as `inner` does, with style.css written into the tags of every .html template."""

    def __init__(self, inner: BaseLoader) -> None:
        self._inner = inner
        self.inlined: dict[str, Inlined] = {}

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, filename, uptodate = self._inner.get_source(environment, template)
        if not template.endswith(".html"):
            return source, filename, uptodate
        environment.parse(source, template, filename)  # a fault in its syntax is named with its own line
        style, _, _ = self._inner.get_source(environment, "style.css")
        self.inlined[template] = inline(source, style)
        return self.inlined[template].source, filename, uptodate
