"""What pydantic calls a fault -> what a person can do about it, in one voice for settings and file. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any

#: Beginnings of pydantic's types of faults.
_SENTENCES = {
    "missing": "is missing; add it",
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
    "tuple_type": "must be a list",
    "too_short": "is empty; list at least one",
    "date_": "must be a day such as 2026-05-01",
    "bool_": "must be true or false",
    "string_type": "must be a text",
    "int_": "must be a whole number",
    "float_": "must be a number",
    "finite_number": "must be a number",
}
#: These say more when they repeat what was written.
_REPEATED = ("date_", "bool_", "int_", "float_", "finite_number")
_BOUNDS = {
    "greater_than_equal": ("ge", "{} or more"),
    "greater_than": ("gt", "more than {}"),
    "less_than_equal": ("le", "{} or less"),
    "less_than": ("lt", "less than {}"),
}


def plainly(fault: Mapping[str, Any]) -> str:
    """One fault of a pydantic ValidationError as a sentence."""
    kind, value, context = str(fault["type"]), fault["input"], fault.get("ctx", {})
    if kind == "string_type" and isinstance(value, float):
        return f"{value!r} is no text: write it between quotes, with every digit"
    if kind == "string_type" and isinstance(value, int | date):
        return f'{value!r} is no text; put it in quotes: "{value}"'
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"must be {words.format(f'{context[name]:g}')}, not {_shown(value)}"
    if kind == "literal_error":
        known = (
            str(context["expected"]).replace("'', ", "").replace("'", "")
        )  # "" stands for the key left out
        return f"must be {known}, not {_shown(value)}"
    for start, sentence in _SENTENCES.items():
        if kind.startswith(start):
            return f"{sentence}, not {_shown(value)}" if start in _REPEATED else sentence
    return str(fault["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")


def _shown(value: object) -> str:
    """What was written, shortened."""
    match value:
        case None:
            return "empty"
        case str():
            return f'"{value[:60]}"'
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case _:
            return str(value)[:60]
