from pathlib import Path

from digest.pipeline.model import current_space, use_model


def test_without_a_model_papers_are_ranked_by_words() -> None:
    said: list[str] = []
    use_model(None, said.append)
    assert current_space() is None
    assert said == []


def test_a_model_that_cannot_be_used_is_told_once_when_it_is_needed(tmp_path: Path) -> None:
    said: list[str] = []
    use_model(tmp_path, said.append)
    assert said == []
    assert current_space() is None
    assert current_space() is None
    assert len(said) == 1
    assert "model.onnx is missing" in said[0]
