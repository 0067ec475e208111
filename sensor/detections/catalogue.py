"""The catalogue of detectors and the table of what they cover, as Markdown: made from the registry, so that it is never out of date."""

from collections.abc import Iterable, Iterator

from sensor.detections.coverage import ALERT_TYPES, TECHNIQUES, WHY_NOT
from sensor.detections.model import Detector

HEAD = "<!-- Made by `make docs`; edit the detectors, not this page. -->"


def detectors_page(detectors: Iterable[Detector]) -> str:
    """docs/detectors.md."""
    rows = sorted(detectors, key=lambda row: row.id)
    lines = [
        "# Detectors",
        "",
        HEAD,
        "",
        "Each detector raises one alert for each thing that happens, counts it, and raises it again after an hour without it.",
        "The site file sets its thresholds and switches it off ([site.md](site.md)). A command says whether it was *attempted*,",
        "*accepted* or *rejected*, by the device's answer. Techniques are those of MITRE ATT&CK for ICS v18.1.",
        "",
        "`otoscope detectors` lists them, `otoscope detectors ot.plc.stop` says all about one. `--format` is `table`, `json` or `markdown`",
        "(this page); `--coverage` prints [coverage.md](coverage.md).",
        "",
        "| id | title | severity | engine | techniques |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| [`{row.id}`](#{_anchor(row.id)}) | {row.title} | {row.severity} | {row.engine} | {', '.join(row.techniques)} |"
            for row in rows
        ),
        "",
    ]
    return "\n".join([*lines, *(line for row in rows for line in section(row))])


def _anchor(name: str) -> str:
    return name.replace(".", "")


def section(row: Detector) -> Iterator[str]:
    """One detector's part."""
    yield from (f"## {row.id}", "", f"*{row.title}*, usually {row.severity}.", "", row.about, "")
    if row.needs:
        yield from (f"Needs: {row.needs}.", "")
    if row.thresholds:
        yield from ("| threshold | default | what |", "| --- | --- | --- |")
        yield from (f"| `{name}` | {limit.default:g} | {limit.unit} {limit.about} |" for name, limit in row.thresholds.items())
        yield ""


def coverage_page(detectors: Iterable[Detector]) -> str:
    """docs/coverage.md."""
    rows = sorted(detectors, key=lambda row: row.id)
    lines = [
        "# Coverage",
        "",
        HEAD,
        "",
        "## Alert types of Microsoft Defender for IoT",
        "",
        "Those of its alert types that are about what Otoscope dissects, or about any network.",
        "",
        "| alert type | detectors, or why not |",
        "| --- | --- |",
    ]
    lines += [f"| {title} | {_names(row.id for row in rows if title in row.covers) or WHY_NOT[title]} |" for title in ALERT_TYPES]
    lines += ["", "## Techniques of MITRE ATT&CK for ICS v18.1", "", "| technique | detectors, or why not |", "| --- | --- |"]
    by_technique = {technique: _names(row.id for row in rows if technique in row.techniques) for technique in TECHNIQUES}
    lines += [f"| {technique} {name} | {by_technique[technique] or WHY_NOT[technique]} |" for technique, name in TECHNIQUES.items()]
    return "\n".join([*lines, ""])


def _names(found: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in found)
