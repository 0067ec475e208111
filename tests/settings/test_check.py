"""`otoscope config check`: all that is wrong, where it stands, and an exit status that scripts can go by."""

import pytest


@pytest.fixture
def check(otoscope, tmp_path):
    config = tmp_path / "otoscope.toml"

    def run(text, *options, **environment):
        config.write_text(text)
        done = otoscope("config", "check", "--config", config, *options, COLUMNS="300", **environment)
        assert "Traceback" not in done.stderr
        return done

    return run


def good(tmp_path):
    return f'[capture]\ninterfaces = ["eth1"]\nfilter = "not port 22"\n[store]\ndatabase = "{tmp_path}/plant.db"\n'


def test_what_is_right_ends_with_0_and_nothing_is_made(check, tmp_path):
    done = check(good(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "otoscope.toml can be read; it listens on eth1." in done.stdout
    assert "ok   filter: tcpdump compiles it" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["otoscope.toml"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[site]\nfile = "nowhere.toml"\n', "otoscope.toml:7:1: nowhere.toml: No such file"),
        ('[exports.siem]\nurl = "tcp://127.0.0.1:9"\n', "BAD  destination siem: tcp://127.0.0.1:9: nothing listens there"),
    ],
)
def test_what_will_not_work_ends_with_1(check, tmp_path, more, said):
    done = check(good(tmp_path) + more)
    assert done.returncode == 1
    assert said in done.stdout


def test_a_filter_that_is_none_is_said_with_its_place(check, tmp_path):
    done = check(good(tmp_path).replace("not port", "not prt"))
    assert done.returncode == 1
    assert "otoscope.toml:3:1: [capture] filter: can't parse filter expression" in done.stdout


def test_without_an_interface_or_a_folder_for_the_database_nothing_will_work(check, tmp_path):
    done = check(f'[capture]\ninterfaces = []\n[store]\ndatabase = "{tmp_path}/none/plant.db"\n')
    assert done.returncode == 1
    assert "BAD  interfaces: none" in done.stdout
    assert f"mkdir -p {tmp_path}/none" in done.stdout


def test_offline_connects_to_nothing(check, tmp_path):
    text = good(tmp_path).replace("plant.db", "none/plant.db") + '[exports.siem]\nurl = "tcp://127.0.0.1:9"\n'
    done = check(text, "--offline")
    assert done.returncode == 0, done.stdout
    assert "siem" not in done.stdout


def test_it_says_what_comes_from_the_environment(check, tmp_path):
    done = check(good(tmp_path), OTOSCOPE_CAPTURE__INTERFACES="eth2", OTOSCOPE_WORKERS="2")
    assert "it listens on eth2." in done.stdout
    assert "From the environment: capture.interfaces (OTOSCOPE_CAPTURE__INTERFACES)" in done.stdout
    assert "warning: OTOSCOPE_WORKERS: there is no such setting: did you mean OTOSCOPE_CAPTURE__WORKERS?" in done.stderr


def test_all_mistakes_are_lines_of_their_own(check):
    done = check("[capture]\nworkers = 0\nring = 1\n", OTOSCOPE_LOG__LEVEL="loud\n\x1b[31m")
    assert done.returncode == 1
    first, second, third = done.stderr.splitlines()
    assert first.endswith("otoscope.toml:2:1: capture.workers: 0 is out of range: write 1 to 64")
    assert second.endswith("otoscope.toml:3:1: capture.ring: there is no such setting: did you mean ring_mebibytes?")
    assert third.startswith("OTOSCOPE_LOG__LEVEL: log.level: 'loud")
    assert "\x1b" not in done.stderr


def test_commands_that_ask_use_the_database_of_the_settings(otoscope, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "otoscope.toml").write_text(f'[store]\ndatabase = "{tmp_path}/plant.db"\n')
    done = otoscope("assets", OTOSCOPE_CONFIG="otoscope.toml")
    assert f"{tmp_path}/plant.db: there is no such database" in done.stderr
    done = otoscope("alerts", "learn", "all", OTOSCOPE_CONFIG="otoscope.toml")
    assert f"{tmp_path}/plant.db: there is no such database" in done.stderr
    assert "otoscope.db: there is no such database" in otoscope("assets", OTOSCOPE_CONFIG="none.toml").stderr
