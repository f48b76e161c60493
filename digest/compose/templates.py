"""The operator's templates: Jinja2 in a sandbox, strict, escaped; faults named with file and line.

Feed text is only ever a value, never a template. A name is looked for in the operator's folder, then
in the package, then in a checkout.
"""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
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
    nodes,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.compose import prose
from digest.compose.inline import Inlined, inline, style_fault
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
        self._loader = _Inlining([*own, *shipped])
        self._environment = ImmutableSandboxedEnvironment(
            loader=self._loader,
            autoescape=lambda name: name is not None and name.endswith(".html"),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,  # one pass, one look: what is included does not change in the middle
        )
        self._environment.filters["wrap"] = prose.wrap

    def renderer(self, name: str) -> Callable[..., str]:
        """The template, ready to be filled many times. Raises TemplateError with file and line."""
        try:
            template = self._environment.get_template(name)
        except TemplateNotFound as error:
            raise TemplateError(f"the template {error} is missing") from error
        except TemplateSyntaxError as error:
            raise self._misspelled(error) from error

        shared = dict(template.globals)  # a ChainMap, whose merging would cost as much as rendering

        def fill(**values: Any) -> str:
            try:
                context = template.new_context(shared | values, shared=True)
                return "".join(template.root_render_func(context))
            except Exception:  # an operator's code: it may raise whatever Python can
                raise self._fault(template) from None

        return fill

    def parsed(self, name: str) -> nodes.Template:
        """The template as Jinja2 reads it, which `renderer` has compiled."""
        source, _, _ = self._loader.get_source(self._environment, name)
        return self._environment.parse(source, name)

    def lacks(self, name: str, variable: str) -> TemplateError:
        """The fault of a template that does not show, exactly once, what it is there to show."""
        return TemplateError(f"{self._loader.path(name)}:1: it must hold {{{{ {variable} }}}} once")

    def _fault(self, template: Template) -> TemplateError:
        """The exception being handled, with the file and the line where it arose."""
        try:
            self._environment.handle_exception()
        except TemplateError as error:  # of an included file that cannot be read, and named already
            return error
        except TemplateSyntaxError as error:  # of an included file
            return self._misspelled(error)
        except Exception as error:
            reason = f"there is no template {error}" if isinstance(error, TemplateNotFound) else str(error)
            return TemplateError(f"{self._place(error, template)}: {reason or type(error).__name__}")

    def _misspelled(self, error: TemplateSyntaxError) -> TemplateError:
        filename = error.filename or ""
        clause = (error.message or "").removesuffix(".")  # more of ours follows
        return TemplateError(f"{filename}:{self._loader.line(filename, error.lineno)}: {clause}")

    def _place(self, error: Exception, template: Template) -> str:
        """File and line where the error arose; Jinja2 rewrites the traceback to lines of its sources.

        Of templates that include one another, the innermost is at fault.
        """
        filename, line, trace = template.filename or "", 0, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename in self._loader.files:
                filename, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            trace = trace.tb_next
        return f"{filename}:{self._loader.line(filename, line)}"


def misnamed(folder: Path) -> list[str]:
    """Files of the operator that no mail uses, for their names are nearly, but not, those of templates."""
    shipped = {path.name for path in (_PACKAGE, _CHECKOUT) for path in (path / "email").glob("*")}
    own = (path for place in (folder, folder / "email") for path in sorted(place.glob("*.*")))
    found = []
    for path in own:
        close = get_close_matches(path.name, shipped, 1, 0.8)
        if close and path.name not in shipped:
            found.append(f"{path}: no template has this name; did you mean {close[0]}?")
    return found


class _Inlining(BaseLoader):
    """Loads from the first folder that has the name; style.css goes into the tags of .html templates."""

    def __init__(self, places: Sequence[Path]) -> None:
        self._places = places
        self._inner = ChoiceLoader([FileSystemLoader(place) for place in places])
        self.files: dict[str, Inlined | None] = {}  # what was loaded, by its file; None: as it stands

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        source, filename, uptodate = self._read(environment, template)
        self.files[filename or ""] = None
        if not template.endswith(".html"):
            return source, filename, uptodate
        environment.parse(source, template, filename)  # a fault in its syntax is named with its own line
        style, _, _ = self._read(environment, "style.css")
        if fault := style_fault(style):
            raise TemplateError(f"{self.path('style.css')}:{fault[0]}: {fault[1]}")
        self.files[filename or ""] = inlined = inline(source, style)
        return inlined.source, filename, uptodate

    def _read(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """A file as it stands. Raises TemplateError for one that cannot be read or is no UTF-8."""
        try:
            return self._inner.get_source(environment, template)
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise TemplateError(
                f"{self.path(template)}:{line}: this is not UTF-8; save it as UTF-8"
            ) from error
        except TemplateNotFound:
            raise
        except OSError as error:
            raise TemplateError(f"{self.path(template)}:1: cannot be read ({error.strerror})") from error

    def path(self, template: str) -> Path:
        """Where the template stands."""
        return next(
            (place / template for place in self._places if (place / template).is_file()), Path(template)
        )

    def line(self, filename: str, number: int) -> int:
        """The line of the file; what is noticed after inlining counts lines of its own."""
        inlined = self.files.get(filename)
        return inlined.line(number) if inlined else number
