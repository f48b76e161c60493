"""The picture of README.md: the digest of the recorded day on a phone, light and dark.

    python -m tests.compose.picture

Needs Debian's chromium and the `browser` extra; writes tests/data/digest.png.
"""

from base64 import b64encode
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.compose.golden import recorded

FILE = Path(__file__).parents[1] / "data" / "digest.png"
WIDTH, HEIGHT = 390, 780


def main() -> None:
    """Two pages beside each other, one in each scheme."""
    page = recorded().html
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        shots = []
        for scheme in ("light", "dark"):
            tab = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
            tab.set_content(page)
            shots.append(tab.screenshot())
        tab = browser.new_page(viewport={"width": 2 * WIDTH + 72, "height": HEIGHT + 48})
        tab.set_content(_beside(shots))
        FILE.write_bytes(tab.screenshot())
        browser.close()


def _beside(shots: list[bytes]) -> str:
    style = "border-radius: 22px; box-shadow: 0 2px 14px #0003; display: block"
    phones = "".join(
        f'<img style="{style}" src="data:image/png;base64,{b64encode(shot).decode()}">' for shot in shots
    )
    return f'<body style="margin: 24px; display: flex; gap: 24px; background: #dfdbd2">{phones}</body>'


if __name__ == "__main__":
    main()
