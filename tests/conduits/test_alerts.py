"""Alerts of the policy that are no violations: pins that behaviour contradicts, and visitors at controllers."""

from dataclasses import replace

from sensor.baseline.learn import learn
from sensor.conduits.model import Pin, Site
from sensor.pipeline import conclude
from tests.conduits.plant import BOILER, ENGINEER, observations


def alerts(detector, **settings):
    return [row for row in conclude(observations(), **settings).alerts if row.rule == detector]


def test_a_pin_that_behaviour_contradicts_is_told():
    (alert,) = alerts("ot.policy.pin_contradicted", site=Site(pins=(Pin(BOILER, level=2.0),)))
    assert str(alert.severity) == "medium"
    assert alert.target_ip == BOILER
    assert "pinned to level 2 and behaves like level 1" in alert.message
    assert any("answers S7comm" in piece for piece in alert.evidence)
    assert not alerts("ot.policy.pin_contradicted", site=Site(pins=(Pin(BOILER, level=1.0),)))


def test_a_device_that_the_baseline_does_not_know_at_a_controller_is_told():
    everything = learn(conclude(observations()))
    assert not alerts("ot.policy.temporary_asset", baseline=everything)
    without = replace(everything, assets=tuple(asset for asset in everything.assets if ENGINEER not in asset.ips))
    found = alerts("ot.policy.temporary_asset", baseline=without)
    assert (ENGINEER, BOILER) in {(row.source_ip, row.target_ip) for row in found}
    assert {row.source_ip for row in found} == {ENGINEER}
    assert {str(row.severity) for row in found} == {"medium"}
