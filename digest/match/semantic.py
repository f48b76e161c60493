"""The optional model: all-MiniLM-L6-v2, int8, as a file; a `Space` of meanings.

Reads two files from a folder and runs them; downloads nothing. Without the extra `semantic`, or with a
file missing or altered, `open_model` says so in one sentence and ranking goes on by words.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from digest.errors import ModelError
from digest.extras import install_hint
from digest.match.index import Floats, Index
from digest.match.meaning import TITLE_SHARE, Calibration, blend, unit
from digest.match.memory import Memory
from digest.match.text import plain
from digest.models import Paper

#: The two files and what they must hold. The tokenizer is the original one of the model.
FILES: Mapping[str, str] = {
    "model.onnx": "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
MOST_TOKENS = 64  # of title and abstract; more makes encoding slower and ranking no better
BATCH = 16
KEPT = 100_000  # vectors that are kept for texts that come again: 80 MB
WIDTH = 384

CALIBRATION = Calibration(slope=2.90, growth=1.98, rarity=0.29, toll=1.79, credit=0.86, base=-8.69)


@dataclass(frozen=True, slots=True)
class SentenceModel:
    """Directions of whole sentences; a `Space`."""

    session: Any  # onnxruntime.InferenceSession
    tokenizer: Any  # tokenizers.Tokenizer
    topic_share: float = 2.0
    likes_share: float = 2.0
    floor: float = 0.3
    calibration: Calibration = CALIBRATION
    _known: Memory[bytes, bytes] = field(default_factory=lambda: Memory(KEPT), repr=False)
    _new: dict[bytes, bytes] = field(default_factory=dict, repr=False)  # of these, what nobody has stored

    def topics(self, texts: Sequence[str]) -> Floats:
        """One row of length one a text; zero for an empty text."""
        return self._look_up(
            [_key(text) for text in texts], lambda rows: self.encode([texts[n] for n in rows])
        )

    def papers(self, index: Index) -> Floats:
        """One row of length one for each paper."""
        papers = index.papers
        keys = [_key(paper.title, paper.abstract) for paper in papers]
        return self._look_up(keys, lambda rows: self._blend([papers[n] for n in rows]))

    def _blend(self, papers: Sequence[Paper]) -> Floats:
        titles = self.encode([paper.title for paper in papers])
        return blend(titles, self.encode([f"{paper.title}. {paper.abstract}" for paper in papers]))

    def missing(self, papers: Iterable[Paper], texts: Iterable[str]) -> set[bytes]:
        """The keys of papers and topics that would have to be encoded now."""
        keys = {_key(text) for text in texts} | {_key(paper.title, paper.abstract) for paper in papers}
        return {key for key in keys if self._known.get(key) is None}

    def remember(self, vectors: Mapping[bytes, bytes]) -> None:
        """Take vectors that were encoded before, as `take_new` gave them; others are passed over."""
        for key, vector in vectors.items():
            if len(vector) == 2 * WIDTH:
                self._known.keep(key, vector)

    def take_new(self) -> dict[bytes, bytes]:
        """What was encoded since this was last asked, by key: each vector as float16, little end first."""
        return {key: self._new.pop(key) for key in list(self._new)}

    def _look_up(self, keys: Sequence[bytes], make: Callable[[Sequence[int]], Floats]) -> Floats:
        """A row a key; `make` gives the rows of the numbers that are not known."""
        found = {key: self._known.get(key) for key in keys}
        missing = {key: number for number, key in enumerate(keys) if found[key] is None}
        if missing:
            made = np.asarray(make([*missing.values()]), "<f2")
            for key, vector in zip(missing, made, strict=True):
                found[key] = self._learn(key, vector.tobytes())
        return _unpacked(b"".join([row for key in keys if (row := found[key]) is not None]))

    def _learn(self, key: bytes, vector: bytes) -> bytes:
        if len(self._new) < KEPT:  # nobody may ever ask for them
            self._new[key] = vector
        self._known.keep(key, vector)
        return vector

    def encode(self, texts: Sequence[str]) -> Floats:
        """The direction of each text, zero for an empty one; in batches of like length, to pad little."""
        tokens = [coded.ids for coded in self.tokenizer.encode_batch([_clean(text) for text in texts])]
        vectors = np.zeros((len(texts), WIDTH), np.float32)
        order = sorted((n for n, text in enumerate(texts) if text.strip()), key=lambda n: len(tokens[n]))
        for batch in _in_batches(order):
            vectors[batch] = self._mean([tokens[number] for number in batch])
        return unit(vectors)

    def _mean(self, tokens: Sequence[Sequence[int]]) -> Floats:
        """The mean of the last layer over the tokens of each text, as the model was trained."""
        longest = max(map(len, tokens))
        ids = np.array([[*row, *[0] * (longest - len(row))] for row in tokens], np.int64)
        mask = np.array([[1] * len(row) + [0] * (longest - len(row)) for row in tokens], np.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self.session.run(None, inputs)[0]
        return np.asarray(
            (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True), np.float32
        )


def open_model(folder: Path) -> SentenceModel:
    """The model in `folder`, both files checked. Raises ModelError, one sentence."""
    check_files(folder)
    try:
        import onnxruntime
        from tokenizers import Tokenizer
    except ImportError as error:
        remedy = install_hint("semantic")
        raise ModelError(
            f"the model needs {error.name or 'onnxruntime'}: {remedy}; ranking by words"
        ) from error
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MOST_TOKENS)
        session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    except Exception as error:  # both libraries raise bare exceptions of their own
        raise ModelError(f"the model in {folder} cannot be loaded ({error}); ranking by words") from error
    return SentenceModel(session, tokenizer)


def check_files(folder: Path) -> None:
    """Raise ModelError unless both files are there and hold what they must."""
    for name, expected in FILES.items():
        path = folder / name
        if not path.exists():
            raise ModelError(
                f"{path} is missing: run digest model fetch, or unset DIGEST_MODEL; ranking by words"
            )
        if hash_file(path) != expected:
            raise ModelError(
                f"{path} is not the expected file (sha256 differs): run digest model fetch; ranking by words"
            )


def hash_file(path: Path) -> str:
    """The sha256 of a file in hexadecimal. Raises ModelError if it cannot be read."""
    digest = sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); ranking by words") from error
    return digest.hexdigest()


def _key(*text: str) -> bytes:
    """By what a vector is kept: the model, how much of a text it reads, and the text."""
    parts = (*FILES.values(), str(MOST_TOKENS), str(TITLE_SHARE), *text)
    return sha256("\0".join(parts).encode("utf-8", "replace")).digest()


def _unpacked(vectors: bytes) -> Floats:
    """Vectors as they were kept, again of length one: the same whether they were just made or read."""
    return unit(np.frombuffer(vectors, "<f2").astype(np.float32).reshape(-1, WIDTH))


def _clean(text: str) -> str:
    """Without TeX, and without the lone surrogates that the tokenizer refuses."""
    return plain(text).encode("utf-8", "replace").decode()


def _in_batches(order: Sequence[int]) -> Iterator[list[int]]:
    return (list(order[start : start + BATCH]) for start in range(0, len(order), BATCH))
