"""What pages do: differences from the baseline are accepted, exports tried again, filters and pages kept in links."""

import asyncio
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from sensor.console.pages.listing import _download
from sensor.settings import destination_of
from sensor.store import ALERTS, Bounds, Query, Store
from tests.console.conftest import csrf, running, water_works


@pytest.fixture
def own(tmp_path):
    """A console whose database nobody else changes."""
    water_works(tmp_path / "water.db")
    with running(tmp_path / "water.db") as console:
        yield console


def test_differences_that_are_usual_are_learned(own):
    with own.signed_in("analyst-of-the-plant") as client:
        page = client.get("/baseline").text
        known = re.findall(r'name="alert" value="(\w+)"', page)
        assert len(known) >= 2
        proof = csrf(client, "/baseline")
        answer = client.post("/baseline", data={"csrf": proof, "alert": known[:2], "comment": "a test of the pumps"})
        assert not set(known[:2]) & set(re.findall(r'name="alert" value="(\w+)"', answer.text))
        assert client.post("/baseline", data={"csrf": proof, "alert": ["no such alert"]}).status_code == 422
    with Store.open(own.database) as store:
        rows = store.find(ALERTS, Query(ids=tuple(known))).rows
        assert {row["id"] for row in rows if row["status"] == "learned"} == set(known[:2])
        [said] = store.audit(known[0])
        assert (said["who"], said["what"], said["comment"]) == ("analyst-of-the-plant", "learn", "a test of the pumps")


def test_an_export_is_tried_again_when_somebody_asks(own):
    with Store.open(own.database) as store:
        store.outbox.register([destination_of("tcp://127.0.0.1:9", "siem")], Bounds())
        assert not store.outbox.take_nudge("siem")
        with own.signed_in("analyst-of-the-plant") as client:
            assert "tcp://127.0.0.1:9" in client.get("/exports").text
            client.post("/exports", data={"csrf": csrf(client, "/exports"), "name": "siem"})
            assert "export siem" in client.get("/audit").text
            assert client.post("/exports", data={"csrf": csrf(client, "/exports"), "name": "nobody"}).status_code in (422, 503)
        assert store.outbox.take_nudge("siem")


def test_a_download_is_read_to_its_end_before_it_is_fetched():
    left = iter([b"a", b"b"])
    answer = _download("x.csv", "text/csv", left)
    assert list(left) == []
    assert answer.headers["content-length"] == "2"

    async def body():
        return b"".join([portion async for portion in answer.body_iterator])

    assert asyncio.run(body()) == b"ab"


def test_links_to_other_pages_and_orders_keep_the_filters(viewer):
    page = viewer.get("/conversations", params={"protocol": "modbus", "rows": 5, "sort": "-octets"}).text
    links = [parse_qs(urlsplit(link.replace("&amp;", "&")).query) for link in re.findall(r'href="(\?[^"]+)"', page)]
    assert links
    for link in links:
        assert link["protocol"] == ["modbus"]
        assert link["rows"] == ["5"]
    assert any(link.get("page") == ["2"] for link in links)
    assert any(link["sort"] == ["octets"] for link in links)


@pytest.mark.parametrize(
    "query", ["level=7", "sort=nothing", "rows=0", "rows=501", "page=0", "since=yesterday", "severity=worst", "x=1", "cursor=x"]
)
def test_what_makes_no_sense_is_said_and_breaks_nothing(viewer, query):
    answer = viewer.get(f"/assets?{query}")
    assert answer.status_code == 422
    assert "Traceback" not in answer.text


def test_a_database_that_goes_away_is_said(tmp_path):
    water_works(tmp_path / "water.db")
    with running(tmp_path / "water.db") as console, console.signed_in("viewer-of-the-plant") as client:
        for name in ("water.db", "water.db-wal", "water.db-shm"):
            if (tmp_path / name).exists():
                (tmp_path / name).write_bytes(b"no database any more" * 500)
        answer = client.get("/assets")
        assert answer.status_code == 503
        assert "The database" in answer.text
