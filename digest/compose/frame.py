"""What stands around the papers: filled once for all readers alike, then only the lines that differ.

A few values differ from reader to reader, and a template mostly just shows them. Such a value gets a slot:
the template is filled once for whatever else it is told, encoded but for the lines with slots, and per
reader those lines alone are encoded. A value with which a template does more than show it or ask whether it
is there gets no slot: for that value the template is filled anew. So the bytes are always the template's own.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache

from jinja2 import nodes
from markupsafe import escape

from digest.compose import mime
from digest.compose.mime import Lines
from digest.compose.templates import Templates

#: What two readers of one issue see differently, and the sign that stands for it.
SLOTS = dict(
    zip(
        ("subject", "preheader", "topics", "following", "manage", "unsubscribe"),
        mime.FRAME_SLOTS,
        strict=True,
    )
)

#: Where the blocks go.
BODY = "\1"

#: Frames that are kept, about 6 kB each: by day, first sentence and note.
KEPT = 256

Values = tuple[tuple[str, Hashable], ...]


class Frame:
    """One part of the template `digest`, around the blocks."""

    def __init__(self, templates: Templates, name: str) -> None:
        """Compile the template. Raises TemplateError."""
        self._fill = templates.renderer(name)
        self._lacks_body = templates.lacks(name, "body")
        html = name.endswith(".html")
        self._write: Callable[[object], str] = escape if html else str
        self._parting = "" if html else "\n"  # between the last paper and the foot
        shown = merely_shown(templates.parsed(name), SLOTS)
        self._slots = [(variable, slot) for variable, slot in SLOTS.items() if variable in shown]
        self._cut = lru_cache(maxsize=KEPT)(self._made)

    def around(self, values: Mapping[str, Hashable]) -> tuple[bytes, bytes]:
        """Head and foot, encoded. Raises TemplateError."""
        filled = {slot: self._write(values[name]) for name, slot in self._slots if values[name]}
        told = {**values, **{name: slot for name, slot in self._slots if slot in filled}}
        head, foot = self._cut(tuple(told.items()))
        return mime.fill_lines(head, filled), mime.fill_lines(foot, filled)

    def _made(self, values: Values) -> tuple[Lines, Lines]:
        head, found, foot = self._fill(**dict(values), body=BODY).partition(BODY)
        if not found or BODY in foot:
            raise self._lacks_body
        return mime.cut_lines(head), mime.cut_lines(self._parting + foot.lstrip("\n"))


def merely_shown(template: nodes.Template, variables: Iterable[str]) -> set[str]:
    """Those of the variables that a template only shows, or asks whether they are there."""
    if any(getattr(node, "with_context", True) for node in template.find_all(_SEES_ALL)):
        return set()
    shown = Counter(_shown(template.body))
    named = Counter(name.name for name in template.find_all(nodes.Name))
    return {name for name in variables if shown[name] == named[name]}


#: Statements that hand the variables to another file; an `include` or `import` says whether it does.
_SEES_ALL = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


def _shown(body: Iterable[nodes.Node]) -> Iterable[str]:
    """Variables as `{{ name }}`, not inside a loop, a filter or whatever else may change what is put out."""
    for node in body:
        if isinstance(node, nodes.Output):
            yield from (child.name for child in node.nodes if isinstance(child, nodes.Name))
        elif isinstance(node, nodes.If):
            yield from _tested(node.test)
            yield from _shown([*node.body, *node.elif_, *node.else_])


def _tested(test: nodes.Node) -> Iterable[str]:
    if isinstance(test, nodes.Name):
        yield test.name
    elif isinstance(test, nodes.And | nodes.Or | nodes.Not):
        for side in test.iter_child_nodes():
            yield from _tested(side)
