"""Certificates and receivers for the tests of exports."""

import datetime as dt
from pathlib import Path

import pytest
import trustme

from tests.exports.receivers import Agent, until


class Certificates:
    """A CA of a plant, one of somebody else, and what they signed, as files."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._authorities = {"ours": trustme.CA(), "theirs": trustme.CA()}
        for name, authority in self._authorities.items():
            authority.cert_pem.write_to_path(folder / f"{name}.pem")

    def authority(self, name: str = "ours") -> str:
        return str(self._folder / f"{name}.pem")

    def issue(self, file: str, *names: str, authority: str = "ours", days: int = 30) -> dict[str, str]:
        """The options of who has this certificate. days: until it expires."""
        ends = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        issued = self._authorities[authority].issue_cert(*names, common_name=names[0], not_after=ends)
        certificate, key = self._folder / f"{file}.pem", self._folder / f"{file}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return {"certificate_file": str(certificate), "key_file": str(key)}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def agent():
    agent = Agent()
    yield agent
    agent.close()


@pytest.fixture
def started(tmp_path, agent):
    """Starts a receiver that hands over to the agent."""
    running = []

    def start(make, **options):
        receiver = make(tmp_path / f"receiver-{len(running)}", agent.port, **options)
        running.append(receiver)
        receiver.start()
        return receiver

    yield start
    for receiver in running:
        receiver.stop()


@pytest.fixture
def arrived(agent):
    """Lines with CEF that the agent has got, once it has so many."""

    def lines(count):
        assert until(lambda: len([line for line in agent.lines if b"CEF" in line]) >= count), agent.lines[-3:]
        return [line for line in agent.lines if b"CEF" in line]

    return lines
