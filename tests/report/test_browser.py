"""The report in a real browser: it runs nothing, asks for nothing, and can be read in the light, in the dark, on a phone and on paper."""

import pytest
from playwright.sync_api import sync_playwright

from sensor.report import report
from tests.report.hostile import NAMES, hostile_plant
from tests.report.plant import plant

CONTRAST = """
() => {
  const channel = value => { value /= 255; return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const [r, g, b, alpha = 1] = parse(getComputedStyle(element).backgroundColor);
      if (alpha > 0) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = {};
  for (const element of document.querySelectorAll('h1,h2,h3,h4,p,td,th,a,.soft,.severity,.outcome,.missing,caption,.forbidden,dt')) {
    if (!element.textContent.trim() || element.closest('svg')) continue;
    const [one, two] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((a, b) => b - a);
    const key = element.tagName + '.' + element.className;
    found[key] = Math.min(found[key] ?? 99, (one + 0.05) / (two + 0.05));
  }
  return found;
}
"""


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    directory = tmp_path_factory.mktemp("pages")
    (directory / "plant.html").write_text(report(plant(), ["demo.pcap"]))
    (directory / "hostile.html").write_text(report(hostile_plant(), [*NAMES]))
    return directory


@pytest.fixture
def look(browser, files):
    pages = []

    def look(name, **options):
        page = browser.new_page(**options)
        pages.append(page)
        page.events = []
        page.on("dialog", lambda dialog: (page.events.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: page.events.append(message.text))
        page.on("pageerror", lambda error: page.events.append(str(error)))
        page.on("request", lambda request: page.events.append(request.url) if request.url != f"file://{files / name}" else None)
        page.goto(f"file://{files / name}")
        return page

    yield look
    for page in pages:
        page.close()


@pytest.mark.parametrize("name", ["plant.html", "hostile.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_runs_and_nothing_is_asked_for(look, name, scheme):
    page = look(name, color_scheme=scheme)
    page.mouse.move(400, 400)
    for _ in range(8):
        page.keyboard.press("Tab")
    page.wait_for_timeout(200)
    assert page.events == []
    assert page.evaluate("document.scripts.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read(look, scheme):
    page = look("plant.html", color_scheme=scheme)
    contrasts = page.evaluate(CONTRAST)
    assert len(contrasts) > 15
    assert {key: ratio for key, ratio in contrasts.items() if ratio < 4.5} == {}
    paper = page.evaluate("getComputedStyle(document.querySelector('section')).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light")
    ink = page.evaluate("getComputedStyle(document.querySelector('.map text.level')).fill")
    assert ink == {"light": "rgb(26, 36, 46)", "dark": "rgb(232, 237, 242)"}[scheme]


@pytest.mark.parametrize("name", ["plant.html", "hostile.html"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_fits_the_screen(look, name, width):
    page = look(name, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_paper_is_white_and_a4(look):
    page = look("plant.html", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.map text.level')).fill") == "rgb(26, 36, 46)"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    sizes = {tuple(round(float(side)) for side in box.split()[:4]) for box in _boxes(pdf)}
    assert sizes == {(0, 0, 595, 842), (0, 0, 842, 595)}


def _boxes(pdf):
    return [piece.split(b"]")[0].decode() for piece in pdf.split(b"/MediaBox [")[1:]]
