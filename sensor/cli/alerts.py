"""`otoscope alerts`: the list of them, and what people say of one: learn, mute, close, open, comment."""

import click

from sensor import words
from sensor.cli.source import kept_database_option, told

_ABOUT = {
    "learn": "This is usual here, also when it happens again.",
    "mute": "Not of interest, also when it happens again.",
    "close": "Dealt with: open it again only if it happens again.",
    "open": "Open it again.",
    "comment": "Say something about it.",
}


class _Alerts(click.Group):
    """Without the name of a subcommand it lists."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in self.commands else ["list", *args])


def alerts(listing: click.Command) -> click.Group:
    """The group around the command that lists."""
    listing.epilog = _epilog()
    group = _Alerts("alerts", commands={"list": listing}, short_help=listing.get_short_help_str(80))
    for action, about in _ABOUT.items():
        group.add_command(_judge(action, about))
    return group


def _epilog() -> str:
    lines = "\n".join(f"  otoscope alerts {f'{action} ID':12} {about}" for action, about in _ABOUT.items())
    return f"\b\nWhat people say of an alert, each with --comment TEXT, is logged with their name:\n{lines}"


def _judge(action: str, about: str) -> click.Command:
    @click.command(action, help=f"{about} Logged with your name.")
    @click.argument("ids", metavar="ID...", nargs=-1, required=True)
    @click.option("--comment", metavar="TEXT", required=action == "comment", help="Why, for the log.")
    @kept_database_option
    def judge(ids: tuple[str, ...], comment: str | None, database: str) -> None:
        from sensor.store import Store

        with told(), Store.open(database, create=False) as store:
            for alert in ids:
                done = store.judge(alert, action, comment or "")
                state = done["is"] if done["is"] == done["was"] else f"{done['was']} → {done['is']}"
                click.echo(f"{words.plain(done['id'])}: {state}")

    return judge
