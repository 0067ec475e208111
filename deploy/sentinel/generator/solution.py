"""The YAML of a Sentinel Solution: rules, hunting queries, parsers; and of ASIM's parsers, which stand in a folder of their own there."""

from collections.abc import Iterator
from typing import Any

import yaml

from deploy.sentinel.generator.content import PRODUCT, UPDATED, VENDOR, VERSION, Parameter, Query, identity, queries
from deploy.sentinel.generator.rules import hunting, rule
from deploy.sentinel.workbook import make as workbook


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are, lists indented."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the library's names
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def to_yaml(document: object) -> str:
    """In ASCII, in the order given."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=False)


def files() -> Iterator[tuple[str, str]]:
    """(path, text) of each."""
    for query in queries("rules"):
        yield f"solution/Analytic Rules/{query.name}.yaml", to_yaml(rule(query))
    for query in queries("hunting"):
        yield f"solution/Hunting Queries/{query.name}.yaml", to_yaml(hunting(query))
    yield "solution/Workbooks/Otoscope.json", workbook.text()
    for query in queries("functions"):
        if is_asim(query):
            yield f"asim/{query.name}.yaml", to_yaml(_asim(query))
            yield f"asim/CHANGELOG/{query.name}.md", _changelog(query)
        else:
            yield f"solution/Parsers/{query.name}.yaml", to_yaml(_parser(query))


def is_asim(query: Query) -> bool:
    """Whether it is one of ASIM's."""
    return query.name.startswith(("ASim", "vim"))


def _changelog(query: Query) -> str:
    return f"# Changelog for {query.name}.yaml\n\n## Version {VERSION}\n\n- ({UPDATED}) Initial version\n"


def _parameters(parameters: list[Parameter]) -> list[dict[str, Any]]:
    return [
        {"Name": known.name, "Type": known.type, **({"Default": yaml.safe_load(known.default)} if known.default else {})}
        for known in parameters
    ]


def _parser(query: Query) -> dict[str, Any]:
    return {
        "id": identity("function", query.name),
        "Function": {"Title": f"{VENDOR} - {query.about['description']}", "Version": VERSION, "LastUpdated": UPDATED},
        "Category": "Microsoft Sentinel Parser",
        "FunctionName": query.name,
        "FunctionAlias": query.name,
        **({"FunctionParams": _parameters(query.parameters)} if query.parameters else {}),
        "FunctionQuery": query.text,
    }


def _asim(query: Query) -> dict[str, Any]:
    built_in = "_Im" if query.name.startswith("vim") else "_ASim"
    return {
        "Parser": {"Title": query.about["description"], "Version": VERSION, "LastUpdated": UPDATED},
        "Product": {"Name": f"{VENDOR} {PRODUCT}"},
        "Normalization": {"Schema": "AlertEvent", "Version": "0.1"},
        "References": [
            {"Title": "ASIM Alert Schema", "Link": "https://aka.ms/ASimAlertEventDoc"},
            {"Title": "ASIM", "Link": "https://aka.ms/AboutASIM"},
        ],
        "Description": f"This ASIM parser normalizes the alerts of {VENDOR} sensors, sent as CEF, to the ASIM Alert Event schema.\n",
        "ParserName": query.name,
        "EquivalentBuiltInParser": f"{built_in}_AlertEvent_{VENDOR}{PRODUCT}",
        "ParserParams": _parameters(query.parameters),
        "ParserQuery": query.text,
    }
