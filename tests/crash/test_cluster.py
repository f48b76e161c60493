"""A short run of `python -m tests.crash.cluster`: it takes minutes on a busy machine."""

import subprocess
import sys

import pytest


@pytest.mark.system
def test_installation_that_dies_piece_by_piece_sends_every_reader_one_mail() -> None:
    command = [sys.executable, "-m", "tests.crash.cluster", "--readers", "400", "--kills", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=480, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as promised" in done.stdout
