"""The site file: what is read, and what is refused, with the line and a hint."""

from pathlib import Path

import pytest

from sensor.conduits.site import load_site, parse_site
from sensor.conduits.suggest import suggest
from sensor.errors import SiteError
from sensor.inventory.model import Field
from sensor.pipeline import conclude
from tests.conduits.plant import STRANGER, known, observations

DOCS = Path(__file__).parents[2] / "docs" / "site.md"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[zone]]\nname = 'a'\nsubnet = []\n", r"^3: zone\.1\.subnet: .*did you mean 'subnets'"),
        ("[[zone]]\nname = 'a'\n\n[[zone]]\nname = 'a'\n", r"^5: .*two zones called 'a'"),
        ("[[zone]]\nname = 'a'\nsubnets = ['10.0.0.300/8']\n", r"^3: .*'10\.0\.0\.300/8' is no subnet"),
        ("[[conduit]]\nfrom = 'any'\nto = 'cel'\n[[zone]]\nname = 'cell'\n", r"^3: .*did you mean 'cell'"),
        ("[[pin]]\nlevel = 1\n", r"^1: pin\.1\.match: Field required"),
        ("[[exception]]\nfrom = 'a'\nto = 'b'\nreason = 'c'\nexpires = 'soon'\n", r"^5: exception\.1\.expires"),
        ("[[conduit]]\nfrom = 'any'\nto = 'any'\nschedule = {days = ['mondy']}\n", r"^4: .*'mondy' is none of monday"),
        ("[[conduit]]\nfrom = 'any'\nto = 'any'\nschedule = {hours = '8 to 9'}\n", r"^4: .*hours are written 22:00-06:00"),
        ("[[conduit]]\nfrom = 'any'\nto = 'any'\nschedule = {hour = '08:00-09:00'}\n", r"^4: .*did you mean 'hours'"),
        ("[[rule]]\nname = 'a'\nseverity = 'bad'\n", r"^3: rule\.1\.severity: .*'critical'"),
        ("[[rule]]\nname = 'a'\nwhen = {intents = ['writ']}\n", r"^3: rule\.1\.when"),
        ("[rule]\nname = 'a'\n", r"^1: rule: write \[\[rule\]\]"),
        ("[site]\nname = 3\n", r"^2: site\.name"),
        ("[sites]\n", r"^1: .*did you mean 'site'"),
        ('[detectors."ot.baseline.ass"]\n', r"^1: .*did you mean 'ot.baseline.asset'"),
        ("[site]\nname = \n", r"^2: Invalid value"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, says):
    with pytest.raises(SiteError, match=says):
        parse_site(text)


def test_the_file_is_named(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text("[zone]\n")
    with pytest.raises(SiteError, match=r"site\.toml:1: zone"):
        load_site(path)
    with pytest.raises(SiteError, match="No such file"):
        load_site(tmp_path / "none.toml")


def test_an_empty_file_says_nothing():
    assert parse_site("") == parse_site("[site]\n")


def test_every_example_of_the_documentation_is_read():
    examples = [part.partition("```")[0] for part in DOCS.read_text().split("```toml\n")[1:]]
    assert len(examples) > 5
    whole = parse_site("\n".join(examples))
    assert whole.zones
    assert whole.conduits
    assert whole.rules


def test_hostile_names_stay_in_their_place():
    plant = known()
    name, asset = next((name, asset) for name, asset in plant.assets.items() if asset.parent is None)
    hostile = '"]\n[[conduit]]\nfrom = "any"\nto = "any"\n#\x1b[31m\u202e'
    plant.assets[name] = asset.__class__(hostile, hostile, asset.addresses, fields={"hostname": Field(hostile)})
    for conduits in (True, False):
        site = parse_site(suggest(plant, conduits=conduits))
        assert all(conduit.source != "any" for conduit in site.conduits)


def test_what_is_suggested_is_read_and_allows_what_was_seen():
    plant = conclude(observations())
    site = parse_site(suggest(plant))
    assert site.zones
    assert site.conduits
    found = [row for row in conclude(observations(), site).violations if row.rule == "conduit"]
    assert {row.source_ip for row in found} <= {STRANGER}  # nobody knows what it is: it gets no zone, and no conduit
