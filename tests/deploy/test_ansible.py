"""The role: linted, and tried in check mode on a machine that is thrown away."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.throwaway import Throwaway

ROOT = Path(__file__).parents[2]
ANSIBLE = ROOT / "deploy/ansible"


def run(command, *arguments, cwd=ANSIBLE):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    line = [Path(sys.executable).with_name(command), *map(str, arguments)]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_role_is_clean():
    done = run("ansible-lint", "--offline", "--nocolor", "playbook.yml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def machine(tmp_path):
    """One where the package has made its folders."""
    (tmp_path / "machine").mkdir()
    machine = Throwaway(tmp_path / "machine", tmp_path)
    machine.succeed("mkdir -p /etc/otoscope/secrets")
    yield machine
    machine.throw_away()


def test_in_check_mode_all_is_tried_but_what_needs_the_package_or_systemd(machine, tmp_path):
    play = {"hosts": "localhost", "connection": "local", "tasks": [{"ansible.builtin.include_role": {"name": "otoscope"}}]}
    (tmp_path / "playbook.yml").write_text(json.dumps([play]))
    shutil.copytree(ANSIBLE / "roles", tmp_path / "roles")
    names = ("otoscope_1.0_amd64.deb", "otoscope.toml", "site.toml", "token")
    for name in names:
        (tmp_path / name).touch()
    package, settings, site, token = (f"/mnt/{name}" for name in names)
    values = {
        "otoscope_package": package,
        "otoscope_settings": settings,
        "otoscope_site": site,
        "otoscope_secrets": {"token": token},
        "otoscope_interfaces": ["eth1"],
        "ansible_python_interpreter": sys.executable,
    }
    command = shlex.join([str(Path(sys.executable).with_name("ansible-playbook")), "--check", "-i", "localhost,", "-e", json.dumps(values)])
    said = machine.succeed(f"cd /mnt; HOME=/tmp ANSIBLE_NOCOLOR=1 {command} playbook.yml")
    steps = re.findall(r"^(?:TASK|RUNNING HANDLER) \[otoscope : (.+)\] \*+\n(\w+)", said, re.MULTILINE)
    assert {name for name, done in steps if done == "skipping"} == {
        "Install the package",
        "Have the interfaces only listen",
        "Start the sensor, now and with the machine",
        "Restart Otoscope",
        "Reload Otoscope",
    }
    assert {name for name, done in steps if done == "changed"} >= {
        "Write the settings",
        "Write what is known of the plant",
        "Write the secrets",
    }
