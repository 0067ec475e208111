"""The transaction log of the appliance: what crosses the mirror is in it, operation by operation."""

import urllib.request
from collections import Counter

from sensor.store import OPERATIONS, Query, Store
from sensor.transactions import Question, ask
from tests.exports.receivers import until
from tests.service.test_run import plant

__all__ = ["plant"]


def metrics(wire):
    with wire.entered():
        return urllib.request.urlopen("http://127.0.0.1:9815/metrics", timeout=10).read().decode()


def test_each_request_that_crosses_the_mirror_is_a_row(plant, wire, tmp_path):
    folder = tmp_path / "log"
    plant.config.write_text(plant.config.read_text() + f'[transactions]\nfolder = "{folder}"\n')
    with plant.running():
        sent = wire.send(until=1500)
        assert until(lambda: f"otoscope_packets_total {sent}.0" in metrics(wire))
        assert "otoscope_transactions_lost_total 0.0" in metrics(wire)
    rows = list(ask(folder, Question()))
    assert len(rows) > 100
    assert {row["source"] for row in rows} == {"mirror"}
    with Store.open(plant.database) as store:
        operations = store.find(OPERATIONS, Query(limit=None)).rows
    asked = Counter()
    for operation in operations:
        asked[operation["protocol"], operation["name"]] += operation["requests"]
    assert Counter((row["service"], row["func"]) for row in rows if row["outcome"] != "unasked") == +asked
