"""How to add an extra (`postgres`, `semantic`) to the digest that runs, wherever it came from."""

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

NAME = "digest-papers"


def install_hint(extra: str) -> str:
    """The command that installs what `extra` needs, from where this digest came from."""
    root = Path(__file__).resolve().parents[1]
    if (root / "pyproject.toml").is_file():
        return checkout_hint(root, Path.cwd(), extra)
    return wheel_hint(_origin(), extra)


def checkout_hint(root: Path, here: Path, extra: str) -> str:
    """For a source tree at `root`, typed in the folder `here`."""
    return f"pip install -e '{'.' if root == here else root}[{extra}]'"


def wheel_hint(origin: str | None, extra: str) -> str:
    """For an installed package; `origin`: its direct_url.json (PEP 610), None if it came from an index."""
    url = json.loads(origin)["url"] if origin else None
    return f"pip install '{NAME}[{extra}]{f' @ {url}' if url else ''}'"


def _origin() -> str | None:
    try:
        return distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        return None
