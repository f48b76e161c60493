"""A folder to run commands in, as a person would; commands run in this process."""

import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from digest.cli import main

ROOT = Path(__file__).resolve().parents[2]
NOW = "2026-04-14T12:00:00Z"


@dataclass(frozen=True)
class Done:
    """What a command left: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


Command = Callable[..., Done]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with the shipped subscribers.yaml and no settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "subscribers.yaml").write_text((ROOT / "subscribers.yaml").read_text())
    return tmp_path


@pytest.fixture(params=["sqlite", "postgres"])
def either(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database that commands of the folder use; the test runs once on each kind."""
    if request.param == "postgres":
        monkeypatch.setenv("DIGEST_DATABASE_URL", request.getfixturevalue("postgres_url"))
        monkeypatch.setenv("DIGEST_SECRET_KEY", "a key of the tests that is long enough")
    return str(request.param)


@pytest.fixture
def digest(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Run `digest …` in the folder."""

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["digest", *words])
        with pytest.raises(SystemExit) as stopped:
            main()
            raise SystemExit(0)
        out, err = capsys.readouterr()
        return Done(int(stopped.value.code or 0), out, err)

    before = signal.getsignal(signal.SIGINT)
    yield run
    signal.signal(signal.SIGINT, before)


def write_roster(folder: Path, sources: str, subscribers: str = "") -> None:
    """A subscribers.yaml with these sources and, if named, these subscribers."""
    text = f"sources:\n{sources}"
    if subscribers:
        text += f"subscribers:\n{subscribers}"
    (folder / "subscribers.yaml").write_text(text)
