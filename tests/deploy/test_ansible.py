"""The role: linted, and tried on this machine in check mode, which changes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ANSIBLE = ROOT / "deploy/ansible"


def run(command, *arguments, cwd=ANSIBLE):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    line = [Path(sys.executable).with_name(command), *map(str, arguments)]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_role_is_clean():
    done = run("ansible-lint", "--offline", "--nocolor", "playbook.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_step_can_be_tried(tmp_path):
    package = tmp_path / "otoscope_1.0_amd64.deb"
    package.touch()
    play = {"hosts": "localhost", "connection": "local", "tasks": [{"ansible.builtin.include_role": {"name": "otoscope"}}]}
    (tmp_path / "playbook.yml").write_text(json.dumps([play]))
    (tmp_path / "roles").symlink_to(ANSIBLE / "roles")
    values = json.dumps({"otoscope_package": str(package), "otoscope_interfaces": ["eth1"], "ansible_python_interpreter": sys.executable})
    done = run("ansible-playbook", "--check", "-i", "localhost,", "-e", values, "playbook.yml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "failed=0" in done.stdout
