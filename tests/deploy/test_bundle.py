"""The bundle, in a root without a network that is thrown away."""

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

ROOT = Path(__file__).parents[2]
MADE = "bundle"
UNPACK = "cd /tmp; tar -xf /mnt/otoscope-*.tar; cd otoscope-*/"


@pytest.fixture(scope="module")
def bill(dist):
    [archive] = dist.glob("otoscope-*.tar")
    with tarfile.open(archive) as opened:
        [name] = [name for name in opened.getnames() if name.endswith("sbom.cdx.json")]
        return opened.extractfile(name).read().decode()


def test_the_bill_of_materials_is_one_and_names_both_halves(bill):
    document = json.loads(bill)
    [number] = [version for version in SchemaVersion if version.to_version() == document["specVersion"]]
    assert JsonStrictValidator(number).validate_str(bill) is None
    addresses = {component["purl"].split("@")[0] for component in document["components"]}
    assert {"pkg:pypi/sqlalchemy", "pkg:pypi/psycopg-binary", "pkg:cargo/pyo3", "pkg:cargo/zstd"} <= {name.lower() for name in addresses}


def test_the_archive_has_a_checksum_and_all_in_it(machine):
    machine.succeed(f"cd /mnt; sha256sum --check otoscope-*.tar.sha256; {UNPACK}; sha256sum --check SHA256SUMS")
    assert machine.succeed(f"{UNPACK}; find . -type f ! -name SHA256SUMS | sort | sha256sum") == machine.succeed(
        f"{UNPACK}; sed 's|^[0-9a-f]*  |./|' SHA256SUMS | sort | sha256sum"
    )


def test_it_installs_and_replays_without_a_network(machine):
    machine.succeed(f"{UNPACK}; ./install.sh")
    assert "Modbus/TCP 434 messages" in machine.succeed("/usr/local/bin/otoscope replay --rows 1 /mnt/water.pcap")
    machine.succeed("systemd-analyze verify --man=no otoscope.service otoscope-nic@eth1.service")
    assert machine.run("systemctl is-enabled otoscope").stdout == "disabled\n"


def test_again_it_keeps_settings(machine):
    machine.succeed("echo '# mine' >> /etc/otoscope/otoscope.toml")
    machine.succeed(f"{UNPACK}; ./install.sh")
    assert machine.succeed("tail -n 1 /etc/otoscope/otoscope.toml") == "# mine\n"


def test_pip_installs_from_it_into_an_empty_environment(machine):
    machine.succeed("python3 -m venv /tmp/venv; /tmp/venv/bin/pip install --no-index --find-links /tmp/otoscope-*/wheels otoscope")
    assert "Modbus/TCP 434 messages" in machine.succeed("cd /tmp; venv/bin/otoscope replay --rows 1 /mnt/water.pcap")


def test_a_damaged_bundle_installs_nothing(machine):
    done = machine.run(f"{UNPACK}; echo >> LICENSE; ./install.sh --prefix /tmp/elsewhere")
    assert done.returncode == 1
    assert "this bundle is damaged" in done.stderr
    assert machine.run("ls /tmp/elsewhere").returncode != 0


def test_the_script_is_clean():
    done = subprocess.run(["shellcheck", ROOT / "deploy/bundle/install.sh"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
