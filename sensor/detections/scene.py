"""Where findings happened: taken from the row that a detector was called for, so that no detector has to say it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sensor.detections.model import Finding, Scene

if TYPE_CHECKING:
    from sensor.knowledge import Deed, Dialogue

_LISTED = 3
"""So many objects and operations are named, the others counted."""
_PORTS = frozenset({"tcp", "udp"})


def of_dialogue(dialogue: "Dialogue") -> Scene:
    """The scene of a conversation, its client being the source."""
    row = dialogue.row
    return Scene(transport=row.transport, target_port=row.port if row.transport in _PORTS else None, vlan=row.vlan)


def of_deed(deed: "Deed") -> Scene:
    """The scene of an operation."""
    return replace(of_dialogue(deed.dialogue), operation=deed.function.name, object=deed.row.object or None, function=deed.row.function)


def placed(findings: Iterable[Finding], dialogue: "Dialogue | None", deed: "Deed | None" = None) -> Iterator[Finding]:
    """Findings with the scene of the row that they were made of; turned round where the server is the source.

    dialogue: None where a full table dropped the conversation: then nothing is known.
    """
    for finding in findings:
        if dialogue is None or finding.scene != Scene():
            yield finding
            continue
        scene = of_dialogue(dialogue) if deed is None else of_deed(deed)
        if finding.source_ip != dialogue.client.address:
            turned = finding.target_ip == dialogue.client.address
            scene = replace(scene, source_port=scene.target_port if turned else None, target_port=None)
        yield replace(finding, scene=scene)


def common(scenes: Sequence[Scene]) -> Scene:
    """What several scenes have in common; operations and objects are listed."""
    if not scenes or len(set(scenes)) == 1:
        return scenes[0] if scenes else Scene()
    return Scene(
        transport=_one([scene.transport for scene in scenes]),
        source_port=_one([scene.source_port for scene in scenes]),
        target_port=_one([scene.target_port for scene in scenes]),
        vlan=_one([scene.vlan for scene in scenes]),
        operation=listed(scene.operation for scene in scenes),
        object=listed(scene.object for scene in scenes),
        function=_one([scene.function for scene in scenes]),
    )


def listed(texts: Iterable[str | None]) -> str | None:
    """Different texts, the first few by name."""
    different = list(dict.fromkeys(text for text in texts if text))
    more = len(different) - _LISTED
    return ", ".join(different[:_LISTED]) + (f" and {more:,} more" if more > 0 else "") if different else None


Value = TypeVar("Value", str, int)


def _one(values: Sequence[Value | None]) -> Value | None:
    return values[0] if len(set(values)) == 1 else None
