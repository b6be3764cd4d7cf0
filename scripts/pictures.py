"""Renders docs/images anew: the real console over seeded cases, in a headless Chromium.

    python scripts/pictures.py [FOLDER]

Look at the pictures before they are committed.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.waiting import free_port, serving  # noqa: E402

WIDTH = 1000
COLOURS = 128
TO_THE_REPLAY = """() => {
  document.activeElement.blur();
  document.querySelector('#replayed').scrollIntoView();
  scrollBy(0, -12);
}"""


def command(env: dict[str, str], *args: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "guarded_gen.cli", *args, "--json"],
        env=env,
        capture_output=True,
        check=True,
    )
    answer: dict[str, str] = json.loads(done.stdout)
    return answer


def keep(page: Page, target: Path, height: int) -> None:
    """The upper part of the page, in few colours: flat pictures lose nothing by it."""
    page.set_viewport_size({"width": WIDTH, "height": height})
    page.mouse.move(0, 0)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(target)


def walk(page: Page, url: str, token: str, folder: Path) -> None:
    page.goto(f"{url}/console/sign-in")
    page.fill("[name=name]", "ann")
    page.fill("[name=token]", token)
    page.click("main button")
    page.wait_for_url("**/console")
    keep(page, folder / "home.png", 763)
    page.goto(f"{url}/console/queue")
    keep(page, folder / "queue.png", 600)
    page.goto(f"{url}/console/queue?stage=output")
    page.locator("table.list tbody a").first.click()
    page.wait_for_url("**/console/cases/*")
    page.keyboard.press("n")
    page.wait_for_selector("#decide")
    keep(page, folder / "case.png", 694)
    page.goto(f"{url}/console/policy")
    bench = page.locator("#workbench")
    bench.locator("[name=rule]").select_option("VIO-2")
    bench.locator("[name=threshold]").fill("0.15")
    # A function, not an expression: the page's policy forbids the eval of a second look.
    page.wait_for_function(
        "() => document.querySelector('#replayed')?.textContent.includes('0.15')"
    )
    page.set_viewport_size({"width": WIDTH, "height": 860})
    page.evaluate(TO_THE_REPLAY)
    keep(page, folder / "policy.png", 860)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    with tempfile.TemporaryDirectory() as home:
        env = os.environ | {"GUARDED_GEN_HOME": home, "PYTHONPATH": str(ROOT)}
        roles = ("--role", "lead", "--role", "policy_author")
        token = command(env, "people", "add", "ann", *roles)["token"]
        command(env, "seed-demo", "--cases", "120", "--clips", "6")
        with serving(free_port(), env) as url, sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(
                executable_path=path, args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": WIDTH, "height": 700})
            page.set_default_timeout(60_000)
            walk(page, url, token, folder)
            browser.close()


if __name__ == "__main__":
    main()
