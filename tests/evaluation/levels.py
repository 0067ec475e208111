"""Inferred Purdue levels against the truth: `make evaluate`.

The labelled plants of pcaps/plants, and captures of others whose topology is plain, where the corpus lies beside the repository.
"""

import json
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sensor.capture import open_capture
from sensor.inventory.model import Asset
from sensor.observations import observe
from sensor.pipeline import conclude

REPOSITORY = Path(__file__).parents[2]
PLANTS = REPOSITORY / "pcaps" / "plants"
CORPUS = REPOSITORY.parent / "shared" / "corpus"
LABELS = Path(__file__).with_name("corpus.toml")
LEVELS = (0, 1, 2, 3, 3.5, 4, 5)
REQUIRED = 0.95


@dataclass(frozen=True)
class Verdict:
    """One labelled asset and what was said of it."""

    capture: str
    address: str
    true: float
    said: float | None
    asset: Asset | None

    @property
    def grave(self) -> bool:
        """A controller above L2, or an enterprise host below L3."""
        if self.said is None:
            return False
        return (self.true <= 1 and self.said > 2) or (self.true >= 4 and self.said < 3)


def judge(capture: Path, truth: dict[str, float], name: str) -> list[Verdict]:
    """What the sensor says of each labelled address."""
    found: dict[str, Asset] = {}
    for asset in conclude(observe(open_capture(str(capture)))).assets.values():
        if asset.parent is None:
            for held in asset.addresses:
                for text in (held.ip, held.mac):
                    if text:
                        found.setdefault(text, asset)
    verdicts = []
    for address, level in truth.items():
        asset = found.get(address)
        verdicts.append(Verdict(name, address, level, asset.level.value if asset else None, asset))
    return verdicts


def plant(name: str) -> list[Verdict]:
    """A labelled plant; what stands at no level of its own (a router, a stray laptop) is not asked."""
    rows = json.loads((PLANTS / f"{name}.labels.json").read_text(encoding="utf-8"))["assets"]
    truth = {row["ip"] or row["mac"]: row["level"] for row in rows if row["level"] is not None}
    return judge(PLANTS / f"{name}.pcap", truth, name)


def plants() -> list[str]:
    """Names of the labelled plants."""
    return sorted(path.name.removesuffix(".labels.json") for path in PLANTS.glob("*.labels.json"))


def corpus() -> list[Verdict]:
    """The labelled captures of others that are there."""
    table = tomllib.loads(LABELS.read_text(encoding="utf-8")) if LABELS.exists() else {}
    verdicts = []
    for row in table.get("capture", []):
        if (path := CORPUS / row["file"]).exists():
            verdicts += judge(path, {address: level for address, (level, _) in row["levels"].items()}, row["file"])
    return verdicts


def accuracy(verdicts: list[Verdict]) -> float:
    """The part that was said right."""
    return sum(verdict.true == verdict.said for verdict in verdicts) / len(verdicts)


def confusion(verdicts: list[Verdict]) -> str:
    """Rows are the truth, columns what was said."""
    counts = Counter((verdict.true, verdict.said) for verdict in verdicts)
    columns: tuple[float | None, ...] = (*LEVELS, None)
    lines = ["truth " + "".join(f"{'?' if said is None else said:>6}" for said in columns)]
    lines += [f"{true:>5} " + "".join(f"{counts[true, said] or '.':>6}" for said in columns) for true in LEVELS]
    return "\n".join(lines)


def misses(verdicts: list[Verdict]) -> str:
    """Each wrong one with what spoke for it."""
    lines = []
    for verdict in verdicts:
        if verdict.true != verdict.said:
            asset = verdict.asset
            kind = f"{asset.kind.value}, {asset.level.confidence:.2f}" if asset else "not found"
            grave = " GRAVE" if verdict.grave else ""
            lines.append(f"{verdict.capture} {verdict.address}: truth {verdict.true}, said {verdict.said} ({kind}){grave}")
            for mark, reasons in (("for", asset.level.evidence), ("against", asset.level.against)) if asset else ():
                lines += [f"    {mark} {reason.says} {reason.weight:+.1f}: {reason.because}" for reason in reasons[:4]]
    return "\n".join(lines)


def main() -> int:
    """Print it all; 1 where the limits do not hold."""
    sets = {name: plant(name) for name in plants()} | {"corpus": corpus()}
    sets = {name: verdicts for name, verdicts in sets.items() if verdicts}
    everything = [verdict for verdicts in sets.values() for verdict in verdicts]
    for name, verdicts in sets.items():
        print(f"{name:12} {accuracy(verdicts):7.1%} of {len(verdicts)}")
    grave = sum(verdict.grave for verdict in everything)
    total = accuracy(everything)
    print(f"{'all':12} {total:7.1%} of {len(everything)}, {grave} grave\n\n{confusion(everything)}\n\n{misses(everything)}")
    return int(total < REQUIRED or grave > 0)


if __name__ == "__main__":
    sys.exit(main())
