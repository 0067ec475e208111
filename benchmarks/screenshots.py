"""Take the pictures of the console that the README shows: `python -m benchmarks.screenshots`.

They are of the water works, pcaps/plants/water.pcap, in Debian's Chromium; each has at most 256 colours, so that a clone stays small.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from sensor.baseline.file import to_text
from sensor.baseline.learn import learn
from sensor.capture import open_capture
from sensor.console.passwords import hashed
from sensor.observations import observe
from sensor.pipeline import conclude
from sensor.store import Role, Store

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs/images"
NAME, PASSWORD = "eve", "a password for pictures"
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 780}
SCHEMES = ("light", "dark")


@contextmanager
def console() -> Iterator[str]:
    """Its URL, over a database of the water works."""
    with tempfile.TemporaryDirectory() as directory:
        database = Path(directory) / "water.db"
        known = conclude(observe(open_capture(str(ROOT / "pcaps/plants/water.pcap"))))
        with Store.open(database) as store:
            store.save(known)
            store.accept_baseline(to_text(learn(known)).encode())
            store.accounts.add(NAME, Role.ANALYST, hashed(PASSWORD), None, must_change=False)
        command = [sys.executable, "-m", "sensor", "console", "--database", str(database), "--listen", "127.0.0.1:0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            yield next(found[0] for line in process.stdout or () if (found := re.search(r"https?://\S+(?=/ )", line)))
            process.terminate()


def take(page: Page, name: str) -> None:
    """A picture of what is shown, as small as it can be."""
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(IMAGES / f"console-{name}.png", optimize=True)


def main() -> None:
    """Take them all."""
    IMAGES.mkdir(exist_ok=True)
    with console() as url, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=url, viewport=DESK)
        page.goto("/sign-in")
        page.fill("#name", NAME)
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        page.wait_for_url(f"{url}/")
        worst = page.locator("main li.card a").first.get_attribute("href") or "/"
        page.goto("/assets?q=Intake")
        asset = page.locator("tbody th a").first.get_attribute("href") or "/"
        for name, path in (("overview", "/"), ("map", "/map"), ("alert", worst), ("asset", asset)):
            page.goto(path)
            for scheme in SCHEMES:
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                take(page, f"{name}-{scheme}")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(PHONE)
        page.goto("/alerts")
        take(page, "phone")
        browser.close()


if __name__ == "__main__":
    main()
