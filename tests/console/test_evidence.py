"""The frames around an alert, from its page: as a capture, and as Wireshark decodes them."""

import subprocess

import pytest

from sensor.store import ALERTS, Query, Store
from tests.console.conftest import running, water_works


@pytest.fixture(scope="module")
def console(tmp_path_factory):
    """The water works, replayed with evidence beside the database."""
    place = tmp_path_factory.mktemp("evidence")
    water_works(place / "water.db", evidence=place / "evidence")
    with running(place / "water.db") as console:
        yield console


def test_a_capture_of_each_alert_lies_behind_its_page(console):
    with Store.open(console.database) as store:
        [stop] = store.find(ALERTS, Query(rules=("ot.plc.stop",))).rows
    with console.signed_in("viewer-of-the-plant") as client:
        page = client.get(f"/alerts/{stop['id']}").text
        assert f"/alerts/{stop['id']}/evidence.pcap" in page
        answer = client.get(f"/alerts/{stop['id']}/evidence.pcap")
        assert answer.headers["content-type"] == "application/vnd.tcpdump.pcap"
        assert f"otoscope-{stop['id']}.pcap" in answer.headers["content-disposition"]
        command = ["tshark", "-n", "-r", "-", "-Y", "s7comm.param.func == 0x29", "-T", "fields", "-e", "ip.src", "-e", "ip.dst"]
        done = subprocess.run(command, input=answer.content, capture_output=True, check=True)
        assert f"{stop['source_ip']}\t{stop['target_ip']}".encode() in done.stdout
        decoded = client.get(f"/alerts/{stop['id']}/evidence").text
        assert "S7COMM" in decoded
        assert "PLC Stop" in decoded


def test_where_no_frames_were_kept_that_is_said(tmp_path):
    water_works(tmp_path / "water.db")
    with running(tmp_path / "water.db") as console, console.signed_in("viewer-of-the-plant") as client:
        [alert] = client.get("/api/v1/alerts", params={"rows": 1}).json()["rows"]
        assert "evidence.pcap" not in client.get(f"/alerts/{alert['id']}").text
        for path in (f"/alerts/{alert['id']}/evidence", f"/alerts/{alert['id']}/evidence.pcap"):
            answer = client.get(path)
            assert answer.status_code == 404
            assert "no frames were kept" in answer.text
        assert client.get("/alerts/..%2f..%2fetc%2fpasswd/evidence.pcap").status_code == 404


def test_who_is_not_signed_in_gets_no_frames(console):
    with console.client() as client:
        assert client.get("/alerts/x/evidence.pcap").url.path == "/sign-in"
        assert client.get("/alerts/x/evidence").url.path == "/sign-in"
