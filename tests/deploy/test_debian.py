"""The Debian package, on this Debian, in a root that is thrown away. The tests are the life of one installation, in order."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE = "deb"


def test_lintian_finds_no_error(dist):
    done = subprocess.run(["lintian", "--fail-on=error", *dist.glob("*.deb")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_scripts_are_clean():
    scripts = [ROOT / "deploy/debian" / name for name in ("build", "postinst", "prerm", "postrm")]
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_it_installs_and_runs_without_a_network(machine):
    machine.succeed("dpkg -i /mnt/otoscope_*.deb")
    assert machine.succeed("otoscope --version").startswith("otoscope, version ")
    assert "Modbus/TCP 434 messages" in machine.succeed("otoscope replay --rows 1 /mnt/water.pcap")
    assert "can be read" in machine.run("otoscope config check").stdout


def test_it_does_not_touch_the_systems_python(machine):
    assert machine.run("/usr/bin/python3 -c 'import sensor'").returncode != 0


def test_systemd_finds_what_the_units_start(machine):
    machine.succeed("systemd-analyze verify --man=no otoscope.service otoscope-nic@eth1.service")


def test_it_makes_the_user_and_enables_nothing(machine):
    assert machine.succeed("stat -c '%U %a' /var/lib/otoscope /etc/otoscope/secrets") == "otoscope 750\nroot 700\n"
    assert machine.run("systemctl is-enabled otoscope").stdout == "disabled\n"


def test_an_upgrade_keeps_settings_and_database(machine, dist, tmp_path):
    [package] = dist.glob("otoscope_*.deb")
    subprocess.run(["dpkg-deb", "-R", package, tmp_path / "next"], check=True)
    control = tmp_path / "next/DEBIAN/control"
    control.write_text(control.read_text().replace("Version: ", "Version: 9."))
    with (tmp_path / "next/etc/otoscope/otoscope.toml").open("a") as settings:
        settings.write("# new\n")
    subprocess.run(
        ["dpkg-deb", "-Znone", "--root-owner-group", "-b", tmp_path / "next", dist / "next.deb"], check=True, capture_output=True
    )
    machine.succeed("echo '# mine' >> /etc/otoscope/otoscope.toml; echo kept > /var/lib/otoscope/otoscope.db")
    machine.succeed("dpkg -i --force-confold /mnt/next.deb")
    assert machine.succeed("dpkg-query -W -f '${Version}' otoscope").startswith("9.")
    assert machine.succeed("tail -n 1 /etc/otoscope/otoscope.toml; cat /var/lib/otoscope/otoscope.db") == "# mine\nkept\n"


def test_removal_keeps_them_and_purging_does_not(machine):
    machine.succeed("systemctl enable otoscope otoscope-nic@eth1; dpkg -r otoscope")
    assert machine.succeed("cat /var/lib/otoscope/otoscope.db") == "kept\n"
    assert machine.run("find /usr/lib/otoscope /etc/systemd/system -path '*otoscope*'").stdout == ""
    machine.succeed("dpkg -P otoscope; ! ls -d /etc/otoscope || exit 1; ! ls -d /var/lib/otoscope")
