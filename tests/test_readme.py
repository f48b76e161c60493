"""Every command that the README shows exists, and every promised word is explained."""

import re
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from digest.cli import main
from digest.config import read_roster
from digest.config.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"`digest ((?:subscribers |db |model )?[a-z]+)", README)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_has_help(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["digest", *command.split(), "--help"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code in (0, None)
    assert "Usage" in capsys.readouterr().out


def test_every_setting_is_in_the_readme() -> None:
    names = [f"DIGEST_{name.strip('_').upper()}" for name in Settings.model_fields]
    assert [name for name in names if f"`{name}`" not in README] == []


def test_example_file_of_the_readme_is_right(tmp_path: Path) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", README, re.S)
    (tmp_path / "subscribers.yaml").write_text(example)
    assert len(read_roster(tmp_path / "subscribers.yaml").sources) == 7


def test_first_two_commands_stand_alone() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README, re.S)
    assert [len(block.strip().splitlines()) for block in blocks[:2]] == [1, 1]
    assert "digest run" in blocks[0]
    assert "pytest" in blocks[1]


def test_recipe_runs_known_commands_and_holds_no_secret() -> None:
    [recipe] = re.findall(r"```yml\n(.*?)```", README, re.S)
    services = YAML(typ="safe").load(recipe)["services"]
    commands = [service["command"] for service in services.values() if "command" in service]
    assert [" ".join(command.split()[:2]) for command in commands] == ["digest serve", "digest worker"]
    assert not re.search(r"://\S+:\S+@|(PASSWORD|SECRET_KEY|TOKEN)\s*[:=]", recipe)
    copied = re.findall(r"COPY (.*) /src", services["web"]["build"]["dockerfile_inline"])
    assert all((ROOT / name).exists() for line in copied for name in line.split())
