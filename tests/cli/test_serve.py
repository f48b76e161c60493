"""`digest serve` as a process: it works by itself, logs one line an event, and ends in order."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.conftest import Command

WORDS = [sys.executable, "-c", "from digest.cli import main; main()"]


@contextmanager
def serving(folder: Path, *words: str, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A process; killed at the end if it is still there."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("DIGEST_")}
    with (folder / "log").open("a") as log:
        process = subprocess.Popen(
            [*WORDS, "serve", *words], cwd=folder, env=clean | env, stderr=log, text=True
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def log_of(folder: Path) -> str:
    return (folder / "log").read_text()


def until(folder: Path, pattern: str, seconds: float = 40) -> re.Match[str]:
    """Wait until the log says something."""
    deadline = time.monotonic() + seconds
    while not (found := re.search(pattern, log_of(folder))):
        assert time.monotonic() < deadline, log_of(folder)
        time.sleep(0.05)
    return found


def get(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_serve_sends_by_itself_answers_and_ends_on_sigterm(folder: Path) -> None:
    with serving(folder, "--port", "0", DIGEST_ADMIN_TOKEN="tok") as process:
        address = until(folder, r"serves (http://127\.0\.0\.1:\d+)/").group(1)
        until(folder, '"event": "deliver.done"')
        assert list((folder / "outbox").glob("*.eml"))
        assert get(f"{address}/healthz") == (200, "ok\n")
        assert json.loads(get(f"{address}/readyz")[1])["ready"] is True
        assert get(f"{address}/admin")[0] == 401
        assert "digest_step_runs_total" in get(f"{address}/metrics", Authorization="Bearer tok")[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_past_one_machine_serve_ticks_and_answers_without_the_file(folder: Path, postgres_url: str) -> None:
    (folder / "subscribers.yaml").unlink()
    settings = {"DIGEST_DATABASE_URL": postgres_url, "DIGEST_SECRET_KEY": "a key of the tests that is long"}
    with serving(folder, "--port", "0", **settings) as process:
        until(folder, "this process only ticks and serves pages")
        address = until(folder, r"serves (http://127\.0\.0\.1:\d+)/").group(1)
        assert get(f"{address}/healthz") == (200, "ok\n")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert not (folder / "outbox").exists()


def test_log_is_json_and_names_nobody(folder: Path) -> None:
    with serving(folder, "--no-web"):
        until(folder, '"event": "deliver.done"')
    lines = [line for line in log_of(folder).splitlines() if not line.startswith("digest runs")]
    events = [json.loads(line) for line in lines]
    assert {"ingest.done", "compose.done", "deliver.done"} <= {event["event"] for event in events}
    assert all({"timestamp", "level"} <= event.keys() for event in events)
    assert "@" not in log_of(folder)


def test_token_is_made_and_printed(folder: Path) -> None:
    with serving(folder, "--port", "0"):
        address = until(folder, r"serves (http://\S+)/ ").group(1)
        token = until(folder, r"admin token for this run: (\S+)").group(1)
        assert get(f"{address}/admin", Authorization=f"Bearer {token}")[0] == 200


def test_second_instance_changes_nothing(folder: Path) -> None:
    with serving(folder, "--no-web"), serving(folder, "--no-web"):
        until(folder, '"event": "deliver.done"')
        time.sleep(1)
    assert len(list((folder / "outbox").glob("*.eml"))) == 1
    assert '"level": "error"' not in log_of(folder)


def test_links_that_readers_cannot_open_are_told(folder: Path) -> None:
    smtp = {"DIGEST_SMTP_URL": "smtp://127.0.0.1:9?starttls=off", "DIGEST_FROM": "digest@papers.dev"}
    with serving(folder, "--port", "0", **smtp):
        until(folder, r"DIGEST_BASE_URL is not set: .* lead to http://127\.0\.0\.1:\d+,")


def test_taken_port_is_told(folder: Path, digest: Command) -> None:
    with serving(folder, "--port", "0"):
        port = until(folder, r":(\d+)/admin").group(1)
        done = digest("serve", "--port", port)
    assert done.status == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in done.err


def test_impossible_address_is_told(digest: Command) -> None:
    done = digest("serve", "--host", "203.0.113.1", "--port", "8099")
    assert (done.status, "choose --host and --port" in done.err) == (2, True)


def test_open_address_needs_a_public_name(digest: Command) -> None:
    done = digest("serve", "--host", "0.0.0.0", "--port", "0")
    assert (done.status, "set DIGEST_BASE_URL" in done.err) == (2, True)


def test_broken_file_is_told_before_anything_runs(folder: Path, digest: Command) -> None:
    (folder / "subscribers.yaml").write_text("sources: 3\n")
    assert digest("serve", "--no-web").status == 2
