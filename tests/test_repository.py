"""Conventions, held by tests: what the repository promises of itself."""

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from sensor.cli import main
from sensor.protocols import PROTOCOLS, Intent

ROOT = Path(__file__).parents[1]
PYTHON = sorted(path for folder in ("sensor", "tests", "benchmarks", "deploy", "pcaps") for path in (ROOT / folder).rglob("*.py"))
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def documented():
    return "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


def rust(folder="dissectors/src"):
    """The crate's sources without their tests."""
    sources = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob("*.rs"))}
    return {path: text.split("#[cfg(test)]\nmod tests {")[0] for path, text in sources.items()}


def commands(group, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


# The registry ------------------------------------------------------------------------------------------------------


def rust_protocols():
    """Names that the dissectors register."""
    names = set()
    for text in rust("dissectors/src/protocols").values():
        constants = dict(re.findall(r'const (\w+): &str = "(\w+)"', text))
        names |= {constants.get(name, name.strip('"')) for name in re.findall(r'Protocol \{\s*name: ("\w+"|\w+)', text)}
    return names


def test_each_dissector_has_its_meaning_and_each_meaning_its_dissector():
    registered = rust_protocols()
    assert len(registered) >= 4
    assert registered <= set(PROTOCOLS)
    sources = "\n".join(rust("dissectors/src/protocols").values())
    assert [name for name in PROTOCOLS if f'"{name}"' not in sources] == []


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_meaning_is_total(protocol):
    for code in (*range(300), 0x4444, 2**31, 2**32 - 1):
        assert protocol.code(code)
        for sub in (None, 0, 1, 255, 2**32 - 1):
            function = protocol.function(code, sub)
            assert function.name
            assert function.intent in Intent
            assert function.technique is None or re.fullmatch(r"T0\d{3}", function.technique)
            assert protocol.subfunction(code, sub) is None or isinstance(protocol.subfunction(code, sub), str)
        assert protocol.status(code)


def test_techniques_are_none_that_were_withdrawn():
    withdrawn = {"T0808", "T0810", "T0818", "T0824", "T0825", "T0833", "T0841", "T0844", "T0850", "T0854", "T0870", "T0875"}
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "sensor").rglob("*.py"))
    assert withdrawn.isdisjoint(re.findall(r"\bT0\d{3}\b", sources))


# Documents ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "command"), list(commands(main)), ids=lambda value: value if isinstance(value, str) else "")
def test_each_option_is_documented_and_has_help(name, command):
    text = documented()
    assert f"otoscope {name}" in text
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert f"`{parameter.opts[0]}" in text, f"{parameter.opts[0]} of {name} stands in no document"


def test_the_readme_shows_what_make_demo_prints(otoscope):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    [rows] = re.findall(r"replay --rows (\d+) pcaps/plants/water.pcap", (ROOT / "Makefile").read_text(encoding="utf-8"))
    printed = otoscope("replay", "--rows", rows, ROOT / "pcaps/plants/water.pcap", COLUMNS="80").stdout
    lines = iter([line.rstrip() for line in printed.splitlines()])
    assert [line for line in shown.splitlines() if line != "[…]" and line not in lines] == []


WITH_EXAMPLES = [path for path in DOCUMENTS if "$ otoscope " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.name)
def test_examples_of_the_documents_print_what_is_shown(path, otoscope, tmp_path, monkeypatch):
    """Commands of one document run one after the other, beside the files that it shows as "in a file `NAME`"."""
    text = path.read_text(encoding="utf-8")
    (tmp_path / "pcaps").symlink_to(ROOT / "pcaps")
    for name, content in re.findall(r"in a file `([\w.]+)`:\n\n```toml\n(.*?)```", text, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for block in re.findall(r"```text\n(\$ otoscope .*?)```", text, re.DOTALL):
        for command, _, shown in (example.partition("\n") for example in block.split("$ otoscope ")[1:]):
            done = otoscope(*shlex.split(command), COLUMNS="100")
            lines = iter([line.rstrip() for line in (done.stdout + done.stderr).splitlines()])
            assert [line for line in shown.splitlines() if line != "…" and line not in lines] == [], command


def test_each_key_of_a_fact_is_documented():
    text = (ROOT / "docs/observations.md").read_text(encoding="utf-8")
    keys = re.findall(r'pub const \w+: &str = "(\w+)";', (ROOT / "dissectors/src/facts.rs").read_text(encoding="utf-8"))
    assert keys
    assert [key for key in keys if f"`{key}`" not in text] == []


def test_each_counter_is_documented():
    text = (ROOT / "docs/replay.md").read_text(encoding="utf-8")
    source = (ROOT / "dissectors/src/python.rs").read_text(encoding="utf-8")
    counters = re.findall(r'^\s*\("(\w+)", ', source, re.MULTILINE)
    assert "duplicates" in counters
    assert [name for name in counters if f"`{name}`" not in text and not name.startswith("evicted_")] == []


@pytest.mark.parametrize("path", [*DOCUMENTS, *sorted(ROOT.glob("*.md"))], ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_version_is_one():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    crate = tomllib.loads((ROOT / "dissectors/Cargo.toml").read_text(encoding="utf-8"))["package"]["version"]
    assert version == crate
    named = {
        "CHANGELOG.md": f"## [{version}]",
        "deploy/container/compose.yaml": f"image: otoscope:{version}\n",
        "deploy/ansible/roles/otoscope/defaults/main.yml": f"otoscope_{version}_amd64.deb",
    }
    assert [name for name, text in named.items() if text not in (ROOT / name).read_text(encoding="utf-8")] == []


def test_what_the_tests_call_is_listed_once_and_contributors_are_told_the_same():
    [tools] = re.findall(r"^TOOLS := ((?:.*\\\n)*.*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    [told] = re.findall(r"`sudo make tools` installs what the tests call besides: ([^.]+?), which is only unpacked", text)
    packages = re.findall(r"=(\S+)", tools)
    assert sorted(re.split(r",?\s+(?:and )?", told)) == sorted(packages)


def test_who_is_not_root_is_told_what_is_missing_and_nothing_is_installed(tmp_path):
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    command = ["make", "tools", "TOOLS=sh=dash no-such-command=its-package /no/such/*.so=its-library"]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LANG": "C.UTF-8"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert 'what is not here: its-package its-library (on Debian "sudo make tools" installs it)' in done.stderr
    assert done.stdout == ""


# Code --------------------------------------------------------------------------------------------------------------


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_functions_are_short():
    every = ((path, node) for path in PYTHON for node in functions(path))
    assert [f"{path.relative_to(ROOT)}:{node.lineno}" for path, node in every if node.end_lineno - node.lineno >= 50] == []


def test_modules_are_short():
    own = [path for path in PYTHON if path.is_relative_to(ROOT / "sensor") and path.parent.name != "protocols"]
    assert [str(path) for path in own if len(path.read_text(encoding="utf-8").splitlines()) > 300] == []


def test_python_stands_at_one_border_of_the_crate():
    assert [path.name for path, text in rust().items() if "pyo3" in text and path.name != "lib.rs"] == ["python.rs"]


def test_unsafe_stands_where_the_kernel_is_asked_for_memory_and_nowhere_else():
    """A file is mapped; a ring is shared with the kernel, and no crate of a fitting licence does that: its calls stand in one file."""
    code = {str(path.relative_to(ROOT)): re.sub(r"//.*", "", text) for path, text in rust().items()}
    users = {path for path, text in code.items() if re.search(r"\bunsafe (\{|fn|impl)", text)}
    assert users <= {"dissectors/src/source/buffer.rs", "dissectors/src/source/ring.rs"}


def test_nothing_in_the_crate_can_send():
    code = {path.name: re.sub(r"//.*", "", text) for path, text in rust().items()}
    senders = r"\blibc::(send|write|PACKET_TX_RING|PACKET_QDISC)|\b(TcpStream|UdpSocket)\b"
    assert [name for name, text in code.items() if re.search(senders, text)] == []
    assert [name for name, text in code.items() if re.search(r"\blibc::(socket|ioctl)\b", text)] == ["ring.rs"]


def test_the_stub_says_what_the_rust_module_is():
    command = (sys.executable, "-m", "mypy.stubtest", "sensor._dissectors", "--ignore-disjoint-bases")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
