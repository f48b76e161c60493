"""A wheel built from the repository works elsewhere, templates and example included."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content, as pip would put it into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    [wheel] = folder.glob("digest_papers-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_wheel_runs_away_from_the_checkout(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "subscribers.yaml").write_text((ROOT / "subscribers.yaml").read_text())
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    done = subprocess.run(
        [sys.executable, "-m", "digest", "run"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "outbox").glob("*.html"))) == 1


def test_wheel_holds_templates_and_no_tests(unpacked: Path) -> None:
    assert (unpacked / "digest" / "templates" / "email" / "digest.html").is_file()
    assert not (unpacked / "tests").exists()
