"""`otoscope rules`: the operator's own rules, tried on captures."""

import click

from sensor.cli.inputs import captures_argument, know, load_site


@click.group()
def rules() -> None:
    """Rules of the site file (docs/site.md)."""


@rules.command()
@click.argument("file", metavar="SITE.toml", type=click.Path(dir_okay=False))
@captures_argument
def test(file: str, captures: tuple[str, ...]) -> None:
    """Show which operations each rule matches in captures."""
    from sensor.cli.page import Page
    from sensor.detections.custom import matches

    site = load_site(file)
    if not site.rules:
        raise click.ClickException(f"{file} has no rules: docs/site.md shows how one is written")
    known = know(captures, site)
    page = Page(0)
    for rule in site.rules:
        found = [deed for deed in known.deeds if matches(rule, deed)]
        page.title(f"Rule {rule.name}", f"{rule.severity}; {len(found)} operations match")
        cells = [
            (
                f"{deed.client.name} → {deed.server.name}",
                deed.row.protocol,
                deed.function.name,
                deed.row.object,
                str(deed.outcome),
                deed.row.requests,
            )
            for deed in found
        ]
        if cells:
            page.table(("Client → server", "Protocol", "Function", "On", "Outcome", "#Times"), cells)
