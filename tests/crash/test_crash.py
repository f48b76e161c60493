"""The short crash run; `python -m tests.crash --kills 200` is the long one."""

import subprocess
import sys

import pytest

KINDS = [
    pytest.param([], id="sqlite"),
    pytest.param(["--postgres"], id="postgres"),
    pytest.param(["--product", "--kills", "2"], id="product"),
    pytest.param(["--sink"], id="smtp-sink", marks=pytest.mark.system),
    pytest.param(["--postfix"], id="postfix-and-dovecot", marks=pytest.mark.system),
]


@pytest.mark.parametrize("kind", KINDS)
def test_killed_workers_lose_nothing_and_double_only_what_was_in_doubt(kind: list[str]) -> None:
    """In a process of its own: workers are forked, and pytest's process has threads."""
    command = [sys.executable, "-m", "tests.crash", "--readers", "100", *kind]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as promised" in done.stdout
