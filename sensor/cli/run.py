"""`otoscope run`: the appliance; and `otoscope config`: its settings."""

import click

from sensor import words
from sensor.cli.inputs import load_settings
from sensor.cli.source import told

CONFIG = "/etc/otoscope/otoscope.toml"

config_option = click.option(
    "--config", metavar="FILE", envvar="OTOSCOPE_CONFIG", show_envvar=True, default=CONFIG, show_default=True, help="The settings."
)


@click.command()
@config_option
def run(config: str) -> None:
    """Listen on the interfaces of the settings, and go on for years: save, tell others, serve metrics.

    SIGTERM and Ctrl-C end it when all is saved, SIGHUP has it read the site file anew.
    """
    from sensor.capture import open_interfaces
    from sensor.service import Notifier, Service, set_up
    from sensor.settings import environment

    settings = load_settings(config)
    if not settings.capture.interfaces:
        raise click.ClickException(
            f'{config}: [capture] names no interface: write interfaces = ["eth1"], the one with the mirrored traffic'
        )
    log = set_up(settings.log.level, settings.log.form)
    with told(), open_interfaces(*settings.capture.interfaces, limits=settings.capture.limits) as source:
        Service(settings, source, Notifier(environment()), log).run()


@click.group()
def config() -> None:
    """The settings: are they right?"""


@config.command()
@config_option
def check(config: str) -> None:
    """Read the settings and all that they name, and say what is wrong and what to write instead."""
    from sensor.service.run import check as look

    settings = load_settings(config)
    wrong = list(look(settings))
    for text in wrong:
        click.echo(f"otoscope: {words.plain(text)}", err=True)
    if wrong:
        raise click.exceptions.Exit(1)
    told_to = ", ".join(f"{one.name} ({one.url})" for one in settings.destinations()) or "nobody"
    click.echo(f"{words.plain(config)} is right: listens on {', '.join(settings.capture.interfaces)}, tells {told_to}.")
