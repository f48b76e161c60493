from pathlib import Path

import pytest

from digest.match.semantic import SentenceModel, open_model


@pytest.fixture(scope="session")
def model(model_folder: Path) -> SentenceModel:
    """The real model, loaded."""
    return open_model(model_folder)
