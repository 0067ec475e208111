"""The console in a real browser: every page and every action, of the water works and of a plant whose every name is hostile."""

import csv
import json
import re
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from sensor.capture import open_capture
from sensor.console.rendering import SECTIONS
from sensor.observations import observe
from sensor.pipeline import conclude
from sensor.store import Store
from tests.console.conftest import PASSWORD, WATER, people, running

ADMIN, ANALYST, VIEWER = "admin-of-the-plant", "analyst-of-the-plant", "viewer-of-the-plant"
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CELLS_THAT_CALCULATE = ("=", "+", "-", "@", "\t", "\r")
LISTS = ("assets", "alerts", "incidents", "conversations", "operations", "violations")
HEADINGS = "() => [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(heading => Number(heading.tagName[1]))"
ASKED = [f"/{name}?rows=2&page=2" for name in LISTS] + [
    "/assets?q=1&level=1&sort=-name",
    "/assets?since=2020-01-01&vendor=x",
    "/alerts?severity=low&status=open&sort=last",
    "/conversations?protocol=modbus&intent=write&sort=-octets",
    "/operations?intent=write&sort=requests",
    "/violations?severity=low&sort=-count",
    "/map?intent=write&only=true",
    "/map?level=1&protocol=modbus",
]


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def works(tmp_path):
    """A console of the water works for this test alone: what is done there stays there."""
    known = conclude(observe(open_capture(str(WATER))))
    with Store.open(tmp_path / "works.db") as store:
        store.save(known)
        people(store)
    with running(tmp_path / "works.db") as console:
        yield console


@contextmanager
def visit(browser, console, name=None, password=PASSWORD, **options):
    """A page, to which somebody has signed in; page.wrong: all that may not happen there."""
    context = browser.new_context(base_url=console.url, viewport=DESK, **options)
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.wrong = []
    page.on("dialog", lambda dialog: (page.wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("console", lambda message: page.wrong.append(f"{message.text} at {page.url}"))
    page.on("pageerror", lambda error: page.wrong.append(f"{error} at {page.url}"))
    page.on("request", lambda request: page.wrong.append(request.url) if not request.url.startswith(f"{console.url}/") else None)
    if name:
        page.goto("/sign-in")
        sign_in(page, name, password)
    yield page
    context.close()
    assert page.wrong == []


def sign_in(page, name, password=PASSWORD):
    page.fill("#name", name)
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_url(re.compile(r"^(?!.*sign-in)"))


def links(page, path):
    """Where the rows of a page lead to."""
    page.goto(path)
    return [row.get_attribute("href") for row in page.locator("tbody th a").all()]


def troubles(page):
    """What is wrong with the page that is shown, in words."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        rules = {"runOnly": STANDARD if scheme == "light" else ["color-contrast"], "resultTypes": ["violations"]}
        for row in Axe().run(page, options=rules).response["violations"]:
            found += [f"{scheme} {row['id']}: {node['html'][:200]} {node['any'][:1]}"[:700] for node in row["nodes"][:3]]
    headings = page.evaluate(HEADINGS)
    if headings[:1] != [1] or headings.count(1) != 1 or any(after > before + 1 for before, after in pairwise(headings)):
        found.append(f"headings {headings}")
    page.set_viewport_size(PHONE)
    if (width := page.evaluate("document.documentElement.scrollWidth")) > PHONE["width"]:
        found.append(f"{width} wide on a phone")
    page.set_viewport_size(DESK)
    return found


@pytest.mark.parametrize("plant", ["console", "hostile"])
def test_every_page_is_quiet_and_open_to_everybody(browser, request, plant):
    console, found = request.getfixturevalue(plant), {}
    with visit(browser, console) as page:
        page.goto("/sign-in")
        found["/sign-in"] = troubles(page)
        sign_in(page, ADMIN)
        paths = [path for path, _ in SECTIONS] + ["/violations", "/people", "/password", *ASKED]
        paths += [path for name in ("assets", "alerts", "incidents") for path in links(page, f"/{name}")[:2] if "surrogate" not in path]
        for path in paths:
            answer = page.goto(path)
            found[path] = troubles(page) + [f"status {answer.status}"] * (answer.status != 200)
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


def test_a_part_of_a_device_has_a_page_too(viewer):
    parts = [row["id"] for row in viewer.get("/api/v1/assets").json()["rows"] if row["parent"]]
    assert len(parts) == 3
    for part in parts:
        assert viewer.get(f"/assets/{part}").status_code == viewer.get(f"/api/v1/assets/{part}").status_code == 200


def test_what_is_not_there_is_said_on_a_page_like_the_others(browser, console):
    with visit(browser, console, VIEWER) as page:
        for path in ("/nowhere", "/assets/none", "/alerts/none", "/people", "/assets?page=x"):
            answer = page.goto(path)
            assert (path, answer.status, troubles(page)) == (path, {"/people": 403, "/assets?page=x": 422}.get(path, 404), [])
            assert page.get_by_role("link", name="To the overview").is_visible()
        # A browser says itself that a page was answered with such a status.
        page.wrong = [text for text in page.wrong if not text.startswith("Failed to load resource")]


def test_megabytes_of_a_name_do_not_break_a_page(browser, tmp_path):
    known = conclude(observe(open_capture(str(WATER))))
    known.assets = {key: replace(asset, name="W" * 1_000_000) for key, asset in known.assets.items()}
    with Store.open(tmp_path / "long.db") as store:
        store.save(known)
        people(store)
    with running(tmp_path / "long.db") as console, visit(browser, console, VIEWER) as page:
        page.set_viewport_size(PHONE)
        for path in ("/", "/map", "/assets", "/alerts", "/conversations", "/conduits", links(page, "/assets")[0]):
            page.goto(path)
            assert (path, page.evaluate("document.documentElement.scrollWidth")) == (path, PHONE["width"])
            assert len(page.content()) < 1_000_000


@pytest.mark.parametrize("name", LISTS)
def test_downloads_calculate_nothing(browser, hostile, name):
    with visit(browser, hostile, VIEWER) as page:
        page.goto(f"/{name}")
        rows = {}
        for form in ("CSV", "JSON"):
            with page.expect_download() as started:
                page.get_by_role("link", name=form, exact=True).click()
            rows[form] = Path(started.value.path()).read_bytes().decode()
    lines = list(csv.reader(StringIO(rows["CSV"])))
    assert len(lines) == len(json.loads(rows["JSON"])) + 1
    assert [cell for line in lines for cell in line if cell.startswith(CELLS_THAT_CALCULATE)] == []


def reach(page, wanted, most=200):
    """Press Tab until that has the focus, which every stop on the way shows."""
    for _ in range(most):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            "() => { const at = document.activeElement, style = getComputedStyle(at);"
            " return [at.outerHTML.slice(0, 120), at === document.body ||"
            " style.outlineStyle != 'none' && parseFloat(style.outlineWidth) >= 2]; }"
        )
        assert seen[1], f"the focus does not show on {seen[0]}"
        if page.evaluate("wanted => document.activeElement === document.querySelector(wanted)", wanted):
            return
    raise AssertionError(f"nobody gets to {wanted} by the keyboard at {page.url}")


def test_everything_is_done_by_the_keyboard_alone(browser, works):
    with visit(browser, works) as page:
        page.goto("/sign-in?to=/alerts")
        assert page.evaluate("document.activeElement.id") == "name"
        page.keyboard.type(ANALYST)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{works.url}/alerts")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.url.endswith("#content")
        reach(page, "select[name=severity]")
        page.keyboard.type("high")
        page.keyboard.press("Enter")
        reach(page, ".filters button")
        page.keyboard.press("Enter")
        page.wait_for_url("**severity=high**")
        reach(page, "thead a")
        page.keyboard.press("Enter")
        page.wait_for_url("**sort=severity**")
        assert page.locator("th[aria-sort=ascending]").inner_text() == "Severity"
        reach(page, "tbody th a")
        page.keyboard.press("Enter")
        page.wait_for_url("**/alerts/*")
        reach(page, "#comment")
        page.keyboard.type("by the keyboard")
        reach(page, "button[value=close]")
        page.keyboard.press("Enter")
        page.locator("#said").wait_for()
        assert "by the keyboard" in page.locator("#said").inner_text()
        assert "closed" in page.locator("p.when").inner_text()
        page.goto("/map")
        reach(page, ".map a")
        reach(page, "header form[action='/sign-out'] button")
        page.keyboard.press("Enter")
        page.wait_for_url("**/sign-in")


@pytest.mark.parametrize("scripts", [True, False])
def test_what_analysts_do(browser, works, scripts):
    with visit(browser, works, ANALYST, java_script_enabled=scripts) as page:
        alert = links(page, "/alerts")[0]
        page.goto(alert)
        for button, comment, shows in (
            ("Learn", "usual", "learned"),
            ("Open", "", "open"),
            ("Mute", "", "muted"),
            ("Close", "", "closed"),
            ("Assign", "Eve of the night shift", "Eve of the night shift"),
            ("Comment", "<b>looked</b> at it", "closed"),
        ):
            page.fill("#comment", comment)
            page.get_by_role("button", name=button, exact=True).click()
            assert shows in page.locator("p.when").inner_text()
            assert comment in page.locator("#said").inner_text()
        page.goto("/alerts?status=closed")
        assert page.locator("tbody th a").get_attribute("href") == alert
        page.goto("/audit")
        assert [cell.inner_text() for cell in page.locator("tbody td[data-label=What]").all()][:6] == [
            *("comment", "assign", "close", "mute", "open", "learn"),
        ]  # fmt: skip
        page.get_by_role("button", name="Sign out").click()
        assert page.url.endswith("/sign-in")
        page.goto(alert)
        assert "/sign-in?to=" in page.url


def test_people_programs_and_passwords_and_what_is_new(browser, works):
    with visit(browser, works, ADMIN) as page:
        page.goto("/people")
        for label, button, name in (("Name", "Add", "Joe"), ("What for", "Issue a token", "the historian")):
            page.get_by_label(label, exact=True).fill(name)
            page.get_by_role("button", name=button, exact=True).click()
            assert name in page.locator(".secret").inner_text()
        page.get_by_role("button", name="Revoke").click()
        assert page.locator("h1").inner_text() == "People and programs"
        assert page.get_by_role("button", name="Revoke").count() == 0
        joe = page.locator("tr", has=page.get_by_role("rowheader", name="Joe"))
        joe.get_by_role("button", name="Disable").click()
        joe.get_by_role("button", name="Enable").click()
        joe.get_by_label("Role").select_option("analyst")
        joe.get_by_role("button", name="Set").click()
        assert joe.get_by_label("Role").input_value() == "analyst"
        joe.get_by_role("button", name="New one-time password").click()
        once = page.locator(".secret code").inner_text()
        with visit(browser, works, "Joe", once) as other:
            assert other.url.endswith("/password")
            for field, text in (("#old", once), ("#new", PASSWORD), ("#again", PASSWORD)):
                other.fill(field, text)
            other.get_by_role("button", name="Set password").click()
            assert other.locator("h1").inner_text() == "Overview"
        page.goto("/")
        assert page.locator("#news").is_hidden()
        page.wait_for_timeout(500)  # until it has been told what is known now
        with Store.open(works.database, create=False) as store:
            store.accept_baseline(b"{}", "", "the shift")
        page.locator("#news").wait_for()
