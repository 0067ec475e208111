"""The command line: `otoscope`. One file for each command or group; what is heavy is imported when a command runs."""

import click

from sensor.cli.alerts import alerts
from sensor.cli.backup import backup, reset, restore
from sensor.cli.baseline import baseline
from sensor.cli.conduits import conduits
from sensor.cli.config import config
from sensor.cli.detectors import detectors
from sensor.cli.evidence import evidence
from sensor.cli.explain import explain
from sensor.cli.exports import exports
from sensor.cli.metrics import metrics
from sensor.cli.query import commands
from sensor.cli.replay import replay
from sensor.cli.retain import retain
from sensor.cli.rules import rules
from sensor.cli.run import doctor, init, run
from sensor.cli.site import site
from sensor.cli.stix import stix
from sensor.cli.watch import watch


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="otoscope", prog_name="otoscope")
def main() -> None:
    """Otoscope listens to a plant's network and says who is there and who asks whom to do what.

    It never sends a packet.
    """


main.add_command(baseline)
main.add_command(replay)
main.add_command(watch)
main.add_command(explain)
main.add_command(evidence)
main.add_command(conduits)
main.add_command(site)
main.add_command(rules)
main.add_command(retain)
main.add_command(backup)
main.add_command(restore)
main.add_command(reset)
main.add_command(metrics)
main.add_command(exports)
main.add_command(run)
main.add_command(config)
main.add_command(doctor)
main.add_command(init)
main.add_command(detectors)
main.add_command(stix)
for command in commands():
    main.add_command(alerts(command) if command.name == "alerts" else command)
