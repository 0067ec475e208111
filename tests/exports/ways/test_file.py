"""Lines in files: whole ones, on any disk."""

import gzip
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sensor.errors import DeliveryError, SettingsError
from sensor.exports.destination import Destination
from sensor.exports.ways import WAYS, file

ROOT = Path(__file__).parents[3]


def opened(path, **options):
    return WAYS["file"].open(Destination(name="disk", scheme="file", path=str(path), options=options))


def test_lines_are_appended_to_what_is_there(tmp_path):
    path = tmp_path / "alerts.log"
    path.write_bytes(b"before\n")
    way = opened(path)
    way.deliver([b"a\n", b"b"])
    way.deliver([b"c\n"])
    way.deliver([])
    assert way.unsure() == 0
    way.finish()
    assert path.read_bytes() == b"before\na\nb\nc\n"


def test_nobody_else_may_read_a_new_file(tmp_path):
    opened(tmp_path / "alerts.log").deliver([b"a\n"])
    assert (tmp_path / "alerts.log").stat().st_mode & 0o007 == 0


def test_a_line_that_a_crash_has_broken_is_taken_back(tmp_path):
    path = tmp_path / "alerts.log"
    path.write_bytes(b"whole\nhal")
    opened(path).deliver([b"half\n"])
    assert path.read_bytes() == b"whole\nhalf\n"


def test_a_file_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "token"
    path.write_bytes(b"not a line")
    with pytest.raises(DeliveryError, match="these are no lines: it is not a file of ours"):
        opened(path).deliver([b"a\n"])
    assert path.read_bytes() == b"not a line"


# Turning over ------------------------------------------------------------------------------------------------------

LARGE = b"x" * 299_999 + b"\n"


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_large_file_is_turned_over_and_so_many_are_kept(tmp_path):
    way = opened(tmp_path / "alerts.log", megabytes="1", keep="2")
    batches = [[b"%d\n" % number, LARGE, LARGE] for number in range(5)]
    for batch in batches:
        way.deliver(batch)
    assert files(tmp_path) == ["alerts.log", "alerts.log.1", "alerts.log.2"]
    for name, batch in zip(("alerts.log.2", "alerts.log.1", "alerts.log"), batches[2:], strict=True):
        assert (tmp_path / name).read_bytes() == b"".join(batch)


def test_those_that_were_turned_over_are_compressed(tmp_path):
    way = opened(tmp_path / "alerts.log", megabytes="1", keep="2", gzip="yes")
    for number in range(4):
        way.deliver([b"%d\n" % number, LARGE, LARGE])
    assert files(tmp_path) == ["alerts.log", "alerts.log.1.gz", "alerts.log.2.gz"]
    assert gzip.decompress((tmp_path / "alerts.log.1.gz").read_bytes()) == b"2\n" + LARGE * 2
    plain = opened(tmp_path / "alerts.log", megabytes="1", keep="3")
    plain.deliver([b"4\n", LARGE, LARGE])
    assert files(tmp_path) == ["alerts.log", "alerts.log.1", "alerts.log.2.gz", "alerts.log.3.gz"]


def test_fewer_are_kept_once_the_settings_say_so_and_files_of_others_stay(tmp_path):
    for name in ("alerts.log.3", "alerts.log.7.gz", "alerts.log.999", "alerts.log.20261124", "alerts.log.2.bak", "b.log.9", "9"):
        (tmp_path / name).write_bytes(b"before\n")
    way = opened(tmp_path / "alerts.log", megabytes="1", keep="3")
    for _ in range(2):
        way.deliver([LARGE] * 3)
    assert files(tmp_path) == ["9", "alerts.log", "alerts.log.1", "alerts.log.2.bak", "alerts.log.20261124", "b.log.9"]


def test_where_a_link_leads_to_is_turned_over(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "alerts.log").symlink_to(tmp_path / "disk" / "alerts.log")
    way = opened(tmp_path / "alerts.log", megabytes="1")
    way.deliver([LARGE] * 3)
    way.deliver([LARGE] * 3)
    assert files(tmp_path) == ["alerts.log", "disk"]
    assert files(tmp_path / "disk") == ["alerts.log", "alerts.log.1"]


def test_a_file_that_is_moved_or_removed_is_begun_anew(tmp_path):
    path = tmp_path / "alerts.log"
    way = opened(path)
    way.deliver([b"a\n"])
    path.rename(tmp_path / "taken")
    way.deliver([b"b\n"])
    path.unlink()
    way.deliver([b"c\n"])
    assert (path.read_bytes(), (tmp_path / "taken").read_bytes()) == (b"c\n", b"a\n")


# Disks -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own with room for 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_breaks_no_line_and_is_used_again_when_there_is_room(small_disk):
    (small_disk / "other").write_bytes(b"x" * 2_000_000)
    way = opened(small_disk / "alerts.log")
    way.deliver([b"first\n"])
    lines = [b"%05d " % number + b"y" * 100 + b"\n" for number in range(1500)]
    for _ in range(2):
        with pytest.raises(DeliveryError, match=r"alerts\.log: the disk is full: make room"):
            way.deliver(lines)
        assert (small_disk / "alerts.log").read_bytes() == b"first\n"
    (small_disk / "other").unlink()
    way.deliver(lines)
    assert (small_disk / "alerts.log").read_bytes() == b"first\n" + b"".join(lines)


def test_a_full_disk_does_not_hinder_turning_over(small_disk):
    """What cannot be compressed is kept as it is."""
    way = opened(small_disk / "alerts.log", megabytes="1", gzip="yes")
    noise = os.urandom(1_100_000).replace(b"\n", b"x") + b"\n"
    way.deliver([noise])
    way.deliver([b"a" * 100_000 + b"\n"])
    assert files(small_disk) == ["alerts.log", "alerts.log.1"]
    assert (small_disk / "alerts.log.1").read_bytes() == noise


GROW = """
import resource, sys
from sensor.errors import DeliveryError
from tests.exports.ways.test_file import opened
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
way = opened(sys.argv[1])
way.deliver([b"a" * 6_000 + b"\\n"])
try:
    way.deliver([b"b" * 6_000 + b"\\n"])
except DeliveryError as error:
    print(error)
"""


def run(program, *arguments, **options):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60, **options).stdout


def test_a_file_that_may_not_grow_has_whole_lines(tmp_path):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    assert "the file may not grow any more" in run(GROW, tmp_path / "alerts.log")
    assert (tmp_path / "alerts.log").read_bytes() == b"a" * 6_000 + b"\n"


NOBODY = """
import os, sys
from sensor.errors import DeliveryError
from tests.exports.ways.test_file import opened
os.setuid(65534)
try:
    opened(sys.argv[1]).deliver([b"a\\n"])
except DeliveryError as error:
    print(error)
"""


def test_a_file_that_this_user_may_not_write(tmp_path):
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    said = run(NOBODY, tmp_path / "alerts.log")
    assert said == f"{tmp_path / 'alerts.log'}: this user may not write there\n"


HOLD = """
import fcntl, sys
with open(sys.argv[1], "ab") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_do_not_write_to_one_file_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(file, "PATIENCE", 0.1)
    path = tmp_path / "alerts.log"
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(DeliveryError, match="another program holds it"):
            opened(path).deliver([b"a\n"])
        other.communicate()
    opened(path).deliver([b"a\n"])
    assert path.read_bytes() == b"a\n"


@pytest.mark.parametrize("compressed", ["no", "yes"])
def test_several_that_write_to_one_file_and_turn_it_over_lose_nothing(tmp_path, compressed):
    path = tmp_path / "alerts.log"

    def write(writer):
        way = opened(path, megabytes="1", keep="100", gzip=compressed)
        for number in range(20):
            way.deliver([b"%d %d %s\n" % (writer, number, b"x" * 400_000)])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, range(4))) == [None] * 4
    whole = [gzip.decompress(one.read_bytes()) if one.suffix == ".gz" else one.read_bytes() for one in tmp_path.iterdir()]
    found = [line.split() for octets in whole for line in octets.splitlines()]
    assert sorted((int(writer), int(number), len(rest)) for writer, number, rest in found) == [
        (writer, number, 400_000) for writer in range(4) for number in range(20)
    ]


# Settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "options", "hint"),
    [
        ("", {}, "needs a path"),
        ("{folder}", {}, "is a folder: give the name of a file in it"),
        ("{folder}/none/alerts.log", {}, "the folder .*/none does not exist: make it"),
        ("/dev/null", {}, "/dev/null is no file"),
        ("{folder}/alerts.log", {"megabytes": "0"}, "megabytes: '0' is no number"),
        ("{folder}/alerts.log", {"keep": "-1"}, "keep: '-1' is no number"),
        ("{folder}/alerts.log", {"keep": "1001"}, "keep: '1001' is no number from 1 to 1000"),
        ("{folder}/alerts.log", {"gzip": "maybe"}, "gzip: 'maybe' is neither"),
    ],
)
def test_settings_that_are_wrong(tmp_path, path, options, hint):
    with pytest.raises(SettingsError, match=hint):
        opened(path.format(folder=tmp_path), **options)


# Standard output ---------------------------------------------------------------------------------------------------

SAY = """
import sys
from sensor.errors import DeliveryError
from tests.exports.ways.test_file import opened
way = opened(sys.argv[1])
try:
    for _ in range(200):
        way.deliver([b"a\\n", b"b" * 9_999 + b"\\n"])
    way.finish()
except DeliveryError as error:
    print(error, file=sys.stderr)
"""


@pytest.mark.parametrize("path", ["-", "/dev/stdout"])
def test_standard_output(path):
    assert run(SAY, path) == ("a\n" + "b" * 9_999 + "\n") * 200


def test_standard_output_that_nobody_reads():
    with subprocess.Popen([sys.executable, "-c", SAY, "-"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b"standard output: nobody reads it any more\n"
