"""Where everything stands in a TOML document: documents are made up together with the place of each key."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor import toml
from sensor.toml_places import Place, place_of_error, places

NASTY = st.text(st.sampled_from("ab\"'\\#[]{}=,.\n \té\u2028"), max_size=12)
BLANKS = st.sampled_from(["", " ", "\t"])


class Document:
    """A document that is being written, and what stands where in it."""

    def __init__(self, draw):
        self.draw, self.text, self.where, self.number = draw, "", {}, 0

    def name(self):
        """Another name each time, so that none stands twice."""
        self.number += 1
        return f"{self.draw(NASTY)}{self.number}"

    def write(self, text):
        self.text += text

    def mark(self, path):
        self.where[path] = Place(self.text.count("\n") + 1, len(self.text) - self.text.rfind("\n"))

    def blank(self, *, lines=False):
        self.write(self.draw(BLANKS))
        if lines and self.draw(st.booleans()):
            self.write("# ]}'''\"\"\" = no\n")

    def part(self, path):
        self.mark(path)
        name = path[-1]
        literal = "'" not in name and "\n" not in name and self.draw(st.booleans())
        bare = name.isascii() and name.replace("_", "").isalnum() and self.draw(st.booleans())
        self.write(name if bare else f"'{name}'" if literal else toml.text(name))

    def key(self, path, parts):
        for number in range(parts):
            if number:
                self.blank()
                self.write(".")
                self.blank()
            path = (*path, self.name())
            self.part(path)
        return path

    def pair(self, path, depth=0):
        path = self.key(path, self.draw(st.integers(1, 3)))
        self.blank()
        self.write("=")
        self.blank()
        self.value(path, depth)

    def value(self, path, depth):
        kinds = [
            "1",
            "-0x1f",
            "true",
            "1979-05-27 07:32:00",
            "inf",
            "string",
            "long",
            "literal",
            *(["array", "table"] if depth < 3 else []),
        ]
        kind = self.draw(st.sampled_from(kinds))
        if kind in ("string", "long", "literal"):
            self.string(kind)
        elif kind == "array":
            self.array(path, depth)
        elif kind == "table":
            self.inline(path, depth)
        else:
            self.write(kind.replace("-0x", "0x"))

    def string(self, kind):
        text = self.draw(NASTY)
        if kind == "string":
            self.write(toml.text(text))
        elif kind == "long":
            inner = text.replace("\\", "\\\\").replace('""', '"\\"')
            self.write(f'"""{inner}"""')
        else:
            self.write(f"'''{text.replace(chr(39) * 3, '')}'''")

    def array(self, path, depth):
        self.write("[")
        for number in range(self.draw(st.integers(0, 3))):
            self.blank(lines=True)
            self.mark((*path, number))
            self.value((*path, number), depth + 1)
            self.blank(lines=True)
            self.write(",")
        self.blank(lines=True)
        self.write("]")

    def inline(self, path, depth):
        self.write("{")
        for number in range(self.draw(st.integers(0, 3))):
            if number:
                self.write(",")
            self.blank()
            self.pair(path, depth + 1)
            self.blank()
        self.write("}")

    def pairs(self, path):
        for _ in range(self.draw(st.integers(0, 3))):
            self.blank(lines=True)
            self.pair(path)
            self.blank()
            self.write(self.draw(st.sampled_from(["\n", "\n\n", "# ' = [\n"])))

    def table(self):
        self.write("[")
        self.blank()
        path = self.key((), self.draw(st.integers(1, 2)))
        self.blank()
        self.write("]\n")
        self.pairs(path)

    def rows(self):
        name = self.name()
        first = None
        for number in range(self.draw(st.integers(1, 3))):
            self.write("[[")
            self.part((name,))
            first = first or self.where[(name,)]
            self.where[(name, number)] = self.where[(name,)]
            self.write("]]\n")
            self.pairs((name, number))
            if self.draw(st.booleans()):
                self.write(f"[{toml.text(name)}.")
                inner = self.key((name, number), 1)
                self.write("]\n")
                self.pairs(inner)
        self.where[(name,)] = first


@st.composite
def documents(draw):
    document = Document(draw)
    document.pairs(())
    for kind in draw(st.lists(st.sampled_from([document.table, document.rows]), max_size=4)):
        kind()
    return document.text, document.where


def paths(content, path=()):
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from paths(value, (*path, key))


@settings(max_examples=50, deadline=None)
@given(documents(), st.booleans())
def test_the_place_of_each_key_is_where_it_stands(document, windows):
    text, where = document
    content = tomllib.loads(text)
    assert places(text.replace("\n", "\r\n") if windows else text) == where
    assert set(where) == set(paths(content))


PIECES = st.sampled_from(
    ["a", "b", '"', "'", '"""', "'''", "\\", "#", "[", "]", "{", "}", "=", ".", ",", "\n", "\r\n", " ", "1", "\t", "é", '"x"', "true"]
)


@settings(max_examples=1000, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_each_key_that_the_standard_library_reads_has_a_place(text):
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(places(text)) == set(paths(content))


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("a = 1\nb = plant\n", 2, 5),
        ("a = 1\na = 2\n", 2, 6),
        ("[a]\nb = [1,\n", 2, 8),
        ("\r\n\r\nb == 2\r\n", 3, 4),
    ],
)
def test_the_place_of_what_is_no_toml(text, line, column):
    with pytest.raises(tomllib.TOMLDecodeError) as error:
        tomllib.loads(text)
    place, reason = place_of_error(text, error.value)
    assert place == Place(line, column)
    assert "at line" not in reason
    assert "end of document" not in reason
