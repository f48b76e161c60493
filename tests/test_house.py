"""The house rules of the code: layers, types, style, sizes; checked, not remembered."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "digest").rglob("*.py"))
TOOLS = Path(sys.executable).parent

#: Lines of the one function that names every collaborator of the pages; nothing else is longer than 40.
LONGEST_FUNCTION = 41
LONGEST_FILE = 350


def run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield str(path.relative_to(ROOT)), node


def test_rooms_keep_their_layers() -> None:
    assert run(str(TOOLS / "lint-imports"), "--no-cache") == ""


def test_types_are_strict() -> None:
    assert run(str(TOOLS / "mypy")) == ""


@pytest.mark.parametrize("command", [("check",), ("format", "--check")])
def test_style_is_kept(command: tuple[str, ...]) -> None:
    assert run(str(TOOLS / "ruff"), *command, "digest", "tests") == ""


def test_no_file_is_longer_than_a_sitting() -> None:
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_page() -> None:
    sizes = {f"{path}:{node.name}": (node.end_lineno or 0) - node.lineno + 1 for path, node in functions()}
    assert {name: size for name, size in sizes.items() if size > LONGEST_FUNCTION} == {}


def test_most_functions_are_under_ten_lines() -> None:
    sizes = sorted((node.end_lineno or 0) - node.lineno + 1 for _, node in functions())
    assert sizes[len(sizes) // 2] < 10


def test_nothing_is_left_for_later() -> None:
    left = [
        path
        for path in FILES
        for word in ("TODO", "FIXME", "XXX")
        if word in path.read_text(encoding="utf-8")
    ]
    assert left == []


def test_top_level_is_what_was_agreed() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    names = {name.split("/")[0] for name in listed if not name.startswith(".")}
    agreed = {"pyproject.toml", "README.md", "LICENSE", "digest", "templates", "tests", "subscribers.yaml"}
    assert names <= agreed
