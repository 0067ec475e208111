"""Hunting queries: what stands at their top, by the rules of Microsoft's content repository."""

import pytest

from deploy.sentinel.generator.content import queries
from deploy.sentinel.generator.tactics import TACTICS

HUNTING = queries("hunting")


def test_there_are_twelve_or_more():
    assert len(HUNTING) >= 12
    assert len({query.about["name"] for query in HUNTING}) == len(HUNTING)


@pytest.mark.parametrize("query", HUNTING, ids=lambda query: query.name)
def test_a_query_says_what_it_is_for(query):
    assert query.about["name"].startswith("Otoscope - ")
    assert len(query.about["name"]) <= 100
    assert query.about["description"].startswith("This query searches for ")
    assert len(query.about["description"]) <= 255
    assert set(query.listed("tactics")) <= set(TACTICS)
    assert query.listed("tactics")
    assert all(kind in {"IP", "Host"} and column for kind, column in query.pairs("entities"))
    assert query.pairs("entities")
    assert (query.text + "".join(query.about.values())).isascii()


@pytest.mark.parametrize("query", HUNTING, ids=lambda query: query.name)
def test_each_technique_belongs_to_a_tactic_that_is_named_and_each_tactic_has_one(query):
    tactics = {name: set(TACTICS[name].split()) for name in query.listed("tactics")}
    assert all(any(technique in known for known in tactics.values()) for technique in query.listed("techniques"))
    assert [name for name, known in tactics.items() if not known & set(query.listed("techniques"))] == []


@pytest.mark.parametrize("query", HUNTING, ids=lambda query: query.name)
def test_a_query_says_how_far_it_looks_back_and_stays_in_its_workspace(query):
    assert "TimeGenerated > ago(" in query.text
    assert "workspace(" not in query.text
