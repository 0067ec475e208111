"""Names that whoever controls a device can put on the wire, and a plant whose every name is one."""

from dataclasses import replace
from itertools import cycle

from sensor.inventory.model import Evidence
from sensor.knowledge import Dialogue, Knowledge, Party
from tests.report.plant import plant

NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "' onload='alert(3)' x='",
    "</title></style></svg><svg onload=alert(4)>",
    "]]><svg/onload=alert(5)>",
    "javascript:alert(6)",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&#x3c;",
    "\x1b[31mred\x1b]0;title\x07",
    "abc\u202egnp.exe\u2066\u200f",
    "a" + "\u0336\u0301\u0489" * 200,
    "\x00\r\n\t\x85\u2028 end",
    "A" * 10_000,
    "\u4e2d" * 5_000,
    "lone \udcff surrogate",
    "-->\u00a0<!-- --> */ } body { display: none } /*",
    "https://evil.example/?a=1&b=2",
    "\u05e9\u05dc\u05d5\u05dd 10.0.0.1",
)


def hostile_plant() -> Knowledge:
    """The plant, its names all replaced."""
    known, names = plant(), cycle(NAMES)
    keys = {key: f"{number} {next(names)}" for number, key in enumerate(known.assets)}
    known.assets = {keys[key]: _renamed(asset, keys, names) for key, asset in known.assets.items()}
    known.dialogues = {
        key: Dialogue(row.row, Party(next(names), _of(row.client, known, keys)), Party(next(names), _of(row.server, known, keys)), ())
        for key, row in known.dialogues.items()
    }
    known.violations = tuple(
        replace(
            row, rule=next(names), title=next(names), source=keys[row.source], target=keys[row.target], source_ip=next(names),
            target_ip=next(names), source_zone=next(names), target_zone=next(names), protocol=next(names), intent=next(names),
            objects=NAMES, message=next(names),
        )
        for row in known.violations
    )  # fmt: skip
    known.alerts = tuple(
        replace(
            row, id=next(names), rule=next(names), title=next(names), message=next(names), source=keys[row.source], target=next(names),
            source_ip=next(names), target_ip=next(names), protocol=next(names), techniques=(next(names), next(names)), evidence=NAMES,
        )
        for row in known.alerts
    )  # fmt: skip
    known.incidents = tuple(
        replace(row, id=next(names), title=next(names), alerts=tuple(alert.id for alert in known.alerts), actor=next(names))
        for row in known.incidents
    )
    return known


def _of(party, known, keys):
    return known.assets[keys[party.asset.id]]


def _renamed(asset, keys, names):
    because = Evidence("1", next(names), next(names), 2.0, 0, 0)
    return replace(
        asset,
        id=keys[asset.id],
        name=next(names),
        parent=keys.get(asset.parent),
        unit=asset.unit and next(names),
        zone=next(names),
        fields={key: replace(field, value=next(names)) for key, field in asset.fields.items()},
        level=replace(asset.level, evidence=(because,), against=(because,)),
        criticality=next(names),
        tags=(next(names),),
        services=(next(names),),
    )
