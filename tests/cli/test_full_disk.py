"""A full disk is one sentence, and nothing stored is lost."""

import resource
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import NOW


def run(folder: Path, *words: str, largest: int | None = None) -> subprocess.CompletedProcess[str]:
    """`digest …` in a process whose files cannot grow over `largest` bytes."""

    def limit() -> None:
        if largest:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    command = [sys.executable, "-m", "digest", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, preexec_fn=limit)


def test_database_that_cannot_grow_is_told_and_heals(folder: Path) -> None:
    run(folder, "subscribers", "add", "bob@papers.dev", "--topic", "language models", "--now", NOW)
    full = run(folder, "run", "--now", NOW, largest=300_000)
    assert full.returncode == 1
    assert "Traceback" not in full.stderr
    assert len(full.stderr.strip().splitlines()[-1]) < 300
    healed = run(folder, "run", "--now", NOW)
    assert healed.returncode == 0, healed.stderr
    assert len(list((folder / "outbox").glob("*.eml"))) == 2
