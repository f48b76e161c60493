import shutil
from pathlib import Path

import numpy as np
import pytest

from digest.errors import ModelError
from digest.match import build_index, rank
from digest.match.semantic import SentenceModel, open_model
from digest.pipeline.model import open_space
from tests.make import make_paper, make_topic

CARS = make_paper(1, title="Automobiles without drivers", abstract="A vehicle finds its way through traffic.")
TEA = make_paper(2, title="Green tea and health", abstract="A trial with two cups a day.")


def test_papers_are_found_by_meaning_without_a_common_word(model: SentenceModel) -> None:
    [matches] = rank(build_index([TEA, CARS], model), [make_topic("self-driving cars")])
    assert [match.paper_id for match in matches] == [CARS.id]
    assert matches[0].parts.meaning > 1 > matches[0].parts.words


def test_texts_are_encoded_alike_alone_and_among_others(model: SentenceModel, model_folder: Path) -> None:
    other = open_model(model_folder)
    together = model.encode(["green tea", "a much longer text about self-driving cars", ""])
    assert np.array_equal(together[0], other.encode(["green tea"])[0])
    assert np.allclose(np.linalg.norm(together, axis=1), [1, 1, 0])


def test_any_text_can_be_encoded(model: SentenceModel) -> None:
    texts = ["\ud800 \x00", "😀", "机器学习", "word " * 10_000]
    assert np.allclose(np.linalg.norm(model.encode(texts), axis=1), 1)


def test_the_same_pass_gives_the_same_scores(model: SentenceModel, model_folder: Path) -> None:
    topics = [make_topic("driverless vehicles"), make_topic("tea")]
    first, second = (rank(build_index([TEA, CARS], one), topics) for one in (model, open_model(model_folder)))
    assert first == second


def test_missing_model_is_one_sentence_and_ranking_by_words(tmp_path: Path) -> None:
    said: list[str] = []
    assert open_space(tmp_path / "nowhere", said.append) is None
    assert len(said) == 1
    assert "model.onnx is missing: run digest model fetch" in said[0]
    assert open_space(None, said.append) is None
    assert len(said) == 1


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_altered_file_is_refused(model_folder: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(model_folder, tmp_path / "m")
    with (tmp_path / "m" / name).open("r+b") as file:
        file.write(b"x")
    with pytest.raises(ModelError, match=rf"{name} is not the expected file"):
        open_model(tmp_path / "m")


def test_a_folder_in_place_of_a_file_is_refused(model_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "m")
    (tmp_path / "m" / "model.onnx").unlink()
    (tmp_path / "m" / "model.onnx").mkdir()
    with pytest.raises(ModelError, match="cannot be read"):
        open_model(tmp_path / "m")
