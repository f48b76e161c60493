from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner

from digest.cli.model import app
from digest.errors import ModelError
from digest.match.semantic import FILES, check_files
from digest.pipeline.model import fetch_model


def ignore(name: str, done: int, total: int | None) -> None:
    """Watch no progress."""


def test_model_is_fetched_from_an_address(model_folder: Path, tmp_path: Path, httpserver: HTTPServer) -> None:
    seen: dict[str, tuple[int, int | None]] = {}
    for name in FILES:
        httpserver.expect_request(f"/m/{name}").respond_with_data((model_folder / name).read_bytes())
    url = httpserver.url_for("/m/")
    fetched = fetch_model(tmp_path, url, lambda name, done, total: seen.update({name: (done, total)}))
    check_files(tmp_path)
    assert sorted(fetched) == sorted(FILES)
    assert all(done == total for done, total in seen.values())


def test_what_is_right_already_is_not_fetched_again(model_folder: Path) -> None:
    assert fetch_model(model_folder, "http://127.0.0.1:9/unused", ignore) == []


def test_a_wrong_file_is_not_kept(tmp_path: Path, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/model.onnx").respond_with_data(b"not the model")
    with pytest.raises(ModelError, match=r"model\.onnx from .* is not the expected file"):
        fetch_model(tmp_path, httpserver.url_for("/"), ignore)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_server_is_one_sentence(tmp_path: Path, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/model.onnx").respond_with_data("no", status=404)
    with pytest.raises(ModelError, match="answered 404"):
        fetch_model(tmp_path, httpserver.url_for("/"), ignore)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "nonsense", "ftp://127.0.0.1/x"])
def test_an_address_without_a_server_is_one_sentence(tmp_path: Path, url: str) -> None:
    with pytest.raises(ModelError, match="cannot be fetched"):
        fetch_model(tmp_path, url, ignore)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        fetch_model(tmp_path / "file" / "m", "http://127.0.0.1:9", ignore)


def test_command_names_the_folder(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGEST_MODEL", str(model_folder))
    result = CliRunner().invoke(app, ["fetch", "--url", "http://127.0.0.1:9/unused"])
    assert result.stdout == f"{model_folder}: already there and right\n"
