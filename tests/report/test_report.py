"""The report as a page: what it tells, that it is well made, and that nothing from the wire can act in it."""

import re
import resource
import signal
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from sensor.capture import open_capture
from sensor.errors import OtoscopeError
from sensor.observations import observe
from sensor.pipeline import conclude
from sensor.report import report, write_report
from tests.report.hostile import NAMES, hostile_plant
from tests.report.plant import PCAPS, crowd, plant

VOID = {"meta", "br"}
HTML = {"html", "head", "title", "meta", "style", "body", "header", "footer", "nav", "main", "section", "article", "figure", "figcaption"}
HTML |= {"h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "dl", "dt", "dd", "div", "a", "span", "b", "em", "code", "small", "bdi", "time"}
HTML |= {"table", "caption", "thead", "tbody", "tr", "th", "td"}
SVG = {"svg", "title", "desc", "defs", "style", "marker", "symbol", "g", "path", "rect", "circle", "ellipse", "text", "use"}


class Page(HTMLParser):
    """Elements with their attributes, and the text, as a browser reads them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open[-1:]:
            self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture(scope="module")
def page():
    return Page(report(plant(), ["plants/water.pcap"]))


@pytest.fixture(scope="module")
def hostile():
    return report(hostile_plant(), [*NAMES, "-"], [(NAMES[0], NAMES[1])])


def test_the_summary_tells_the_story(page):
    for said in (
        "21 devices were seen",
        "5 kinds of traffic cross zones against the policy, 3 of them critical",
        "the worst: 10.20.1.66 changes the program of PLC-INTAKE (level 1), and the device accepted it",
        "5 alerts were raised, 1 critical and 2 high; above all PLC stop (PLC-INTAKE)",
        (
            "Between 2026-11-23 08:02:08 and 08:04:28 UTC: Intrusion by 10.20.1.66. Step by step: Address scan (08:02:08),"
            " PLC program upload at PLC-INTAKE (08:03:08, accepted), PLC stop at PLC-INTAKE (08:04:08, accepted)."
        ),
    ):
        assert said in page.text


def test_the_sections_say_what_was_seen_and_what_was_not(page):
    for said in (
        "T0858 Change Operating Mode",
        "never queried",
        "S7comm function 0x29 Stop, 1 request, 1 accepted",
        "answers S7comm (1,204 responses to 2 clients)",
        "passive only: no agent runs on it",
        "passive, and an endpoint agent (Windows 10)",
        "managed endpoint agent and cloud management",
        "GW-METERS unit 3",
        "One-way: of 1 of 31 TCP conversations only one direction was seen",
        "water.pcap",
    ):
        assert said in page.text


def test_names_are_shown_and_never_internal_numbers(page):
    assert "Intrusion by 10.20.1.66" in page.text
    assert not [asset for asset in plant().assets if asset in page.text]


def test_levels_that_nobody_spoke_at_are_named():
    known = plant()
    known.assets = {key: asset for key, asset in known.assets.items() if asset.level.value not in (0, 3, 3.5)}
    known.dialogues = {key: row for key, row in known.dialogues.items() if {row.client.id, row.server.id} <= known.assets.keys()}
    text = Page(report(known, ["x.pcap"])).text
    assert "What this report cannot know: nothing was seen of levels 0 and 3" in text
    assert "0, Process, 3, Site operations and 3.5, DMZ." in text


def test_a_port_that_mirrors_nothing_is_named():
    known = conclude(observe(open_capture(PCAPS / "lldp.pcap")))
    assert "so the port mirrors nothing" in Page(report(known, ["lldp.pcap"])).text
    known = conclude(observe(open_capture(PCAPS / "modbus-functions.pcap")))
    assert "so the port mirrors nothing" not in Page(report(known, ["modbus-functions.pcap"])).text


def test_a_capture_without_devices_is_a_page_as_well():
    known = conclude(observe(open_capture(PCAPS / "pcap-empty.pcap")))
    known.alerts = known.incidents = ()
    text = Page(report(known, ["pcap-empty.pcap"])).text
    assert "The capture holds no packet from which a device could be told" in text
    assert "Nothing was raised" in text


@pytest.mark.parametrize("capture", sorted(path.name for path in PCAPS.glob("*.pcap*")))
def test_every_capture_makes_a_well_formed_page(capture):
    with open_capture(PCAPS / capture) as opened:
        known = conclude(observe(opened))
    assert not Page(report(known, opened.files, opened.warnings)).open


def test_the_order_in_which_assets_became_known_does_not_matter():
    known, turned = crowd(60), crowd(60)
    turned.assets = dict(reversed(turned.assets.items()))
    turned.violations = turned.violations[::-1]
    assert report(known, ["x.pcap"]) == report(turned, ["x.pcap"])


@pytest.mark.parametrize("which", ["page", "hostile"])
def test_the_page_is_closed_and_asks_for_nothing(which, request):
    made = request.getfixturevalue(which)
    read = made if isinstance(made, Page) else Page(made)
    assert not read.open
    assert {tag for tag, _ in read.elements} <= HTML | SVG
    for _, attributes in read.elements:
        assert not [name for name in attributes if name.startswith("on") or name in {"style", "src", "srcset", "action", "xlink:href"}]
        assert attributes.get("href", "#").startswith("#")
        assert not [value for value in attributes.values() if value and "url(" in value and not value.startswith("url(#map-")]
    [policy] = [row["content"] for tag, row in read.elements if row.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_links_lead_somewhere_and_headings_and_tables_are_in_order(page):
    ids = [row["id"] for _, row in page.elements if "id" in row]
    assert len(ids) == len(set(ids))
    assert {row["href"][1:] for _, row in page.elements if "href" in row} <= set(ids)
    depths = [int(tag[1]) for tag, _ in page.elements if tag in {"h1", "h2", "h3", "h4"}]
    assert depths[0] == 1
    assert depths.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(depths))
    tags = [tag for tag, _ in page.elements]
    assert tags.count("caption") == tags.count("table") > 3
    assert all("scope" in row for tag, row in page.elements if tag == "th")


def test_hostile_names_are_shown_for_what_they_are(hostile):
    text = Page(hostile).text
    assert "<script>alert(1)</script>" in text
    assert "{{ 7 * 7 }}" in text
    assert r"\x1b[31mred" in text
    assert r"abc\u202egnp.exe\u2066\u200f" in text
    assert r"lone \udcff surrogate" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\udcff-\udfff]", hostile)
    assert "A" * 600 not in hostile
    assert not re.search("[\u0300-\u036f\u0483-\u0489]{3}", hostile)
    assert len(hostile) < 1_000_000


def test_a_large_plant_is_still_a_page_that_a_browser_opens():
    page = report(crowd(4000), ["large.pcap"])
    assert "1,000 more devices are left out here" in page
    assert len(page) < 12_000_000


def test_the_file_is_replaced_whole(tmp_path):
    path = tmp_path / "plant.html"
    path.write_text("old")
    write_report(plant(), ["x.pcap"], path)
    assert path.read_text().startswith("<!doctype html>")
    assert [entry.name for entry in tmp_path.iterdir()] == ["plant.html"]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    path = tmp_path / "plant.html"
    path.write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(OtoscopeError, match=r"cannot be written to .*plant.html: .*choose another place"):
            write_report(plant(), ["x.pcap"], path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["plant.html"]


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("/dev/full", "the disk is full: free some space"),
        ("/sys/plant.html", "no permission to write there"),
        ("/nowhere/plant.html", "no such directory: make it first"),
        ("/tmp", "that is a directory: name a file in it"),  # noqa: S108 - it is only refused
    ],
)
def test_an_error_says_what_to_do(path, advice):
    with pytest.raises(OtoscopeError, match=advice):
        write_report(replace(plant()), ["x.pcap"], path)
