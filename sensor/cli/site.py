"""`otoscope site`: the file in which the operator says what is known of the plant."""

import click

from sensor.cli.inputs import captures_argument, force_option, know, load_site, refuse_to_overwrite, write_out


@click.group()
def site() -> None:
    """The site file: zones, conduits, pins, exceptions, maintenance, rules (docs/site.md)."""


@site.command()
@captures_argument
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to this file, not to standard output.")
@force_option
def init(captures: tuple[str, ...], output: str | None, *, force: bool) -> None:
    """Write a first site file from what captures hold, commented."""
    from sensor.conduits.suggest import suggest

    refuse_to_overwrite(output, force=force)
    write_out(suggest(know(captures), conduits=False), output, "look it through, then otoscope replay --site {file} CAPTURE")


@site.command()
@click.argument("file", type=click.Path(dir_okay=False))
def check(file: str) -> None:
    """Say what is wrong with a site file, with line and hint; exit status 1 where something is."""
    known = load_site(file)
    counts = (
        ("zone", known.zones),
        ("conduit", known.conduits),
        ("pin", known.pins),
        ("exception", known.allowances),
        ("rule", known.rules),
    )
    click.echo(f"{file} is sound: " + ", ".join(f"{len(rows)} {name}{'' if len(rows) == 1 else 's'}" for name, rows in counts))
