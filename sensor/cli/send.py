"""`otoscope replay --to`: what a replay has found goes to others, and the command ends when it has arrived."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from sensor import words

if TYPE_CHECKING:
    from sensor.exports.destination import Destination
    from sensor.knowledge import Knowledge
    from sensor.settings import Settings


def destinations_of(urls: tuple[str, ...]) -> list[Destination]:
    """What the command line names. What is wrong with it ends the command."""
    if not urls:
        return []
    from sensor.errors import SettingsError
    from sensor.settings import destination_of

    try:
        return [destination_of(url, f"to-{number}") for number, url in enumerate(urls, 1)]
    except SettingsError as error:
        raise click.BadParameter(words.plain(str(error)), param_hint="--to") from error


def send(known: Knowledge, destinations: list[Destination], settings: Settings | None) -> bool:
    """Send all that is known there; False where something did not arrive, which is said."""
    from sensor.exports.run import send as deliver
    from sensor.settings import Settings
    from sensor.telling import events_of

    sensor = (settings or Settings()).identity()
    if not sensor.site and known.site.name:
        sensor = replace(sensor, site=known.site.name)
    events = list(events_of(known, time.time_ns()))
    urls = {destination.name: destination.url for destination in destinations}
    missed = deliver(events, destinations, sensor, lambda name, text: _say(urls[name], f"{text}; trying again"))
    for destination in destinations:
        if destination.name in missed:
            _say(destination.url, missed[destination.name])
        else:
            _say(destination.url, f"{words.count(sum(map(destination.wants, events)), 'event')} delivered")
    return not missed


def _say(url: str, text: str) -> None:
    clean = text.removeprefix(f"{url}: ")
    click.echo(f"otoscope: {words.plain(url)}: {words.plain(clean)}", err=True)
