"""`otoscope retain`: what is old leaves the database."""

import click

from sensor.cli.source import kept_database_option, told


@click.command()
@kept_database_option
@click.option("--days", type=click.FloatRange(0), help="Drop what was last seen longer ago than that, by the time of the traffic.")
@click.option(
    "--megabytes", type=click.FloatRange(0, min_open=True), help="Then drop the oldest until the database is no larger than that."
)
def retain(database: str, days: float | None, megabytes: float | None) -> None:
    """Drop from a database what is too old, or what there is no room for.

    Alerts that are open stay, and so do assets, while anything else can be dropped for the room.
    """
    from sensor.store import Store

    if days is None and megabytes is None:
        raise click.UsageError("say --days, --megabytes, or both")
    with told(), Store.open(database, create=False) as store:
        kept = store.retain(days=days, megabytes=megabytes)
    dropped = ", ".join(f"{number:,} {name}" for name, number in kept.dropped.items() if number) or "nothing"
    click.echo(f"Dropped {dropped}; the database is {kept.megabytes:.1f} MB large.")
