"""What OtoscopeEvents and OtoscopeRaised make of rows, worked out from their texts with the few functions of KQL that they use."""

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KINDS = {"string": str, "long": int, "real": float}


def _whole(value):
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _time(value):
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _coalesce(*values):
    """The first that is not null, and of texts the first that is not empty."""
    return next((value for value in values if value not in (None, "")), "" if "" in values else None)


def _case(*values):
    *pairs, otherwise = values
    return next((value for holds, value in zip(pairs[::2], pairs[1::2], strict=True) if holds), otherwise)


FUNCTIONS = {
    "__builtins__": {},
    "case": _case,
    "coalesce": _coalesce,
    "dynamic": lambda value: value,
    "iff": lambda holds, yes, no: yes if holds else no,
    "ingestion_time": lambda: EPOCH,
    "int": int,
    "isempty": lambda value: value in (None, ""),
    "isnotempty": lambda value: value not in (None, ""),
    "strcat": lambda *values: "".join(str(value) for value in values if value is not None),
    "substring": lambda text, begin, length: text[begin : begin + length],
    "split": lambda text, by: text.split(by),
    "todatetime": _time,
    "toint": _whole,
    "tolong": _whole,
    "tostring": lambda value: "" if value is None else str(value),
    "unixtime_milliseconds_todatetime": lambda value: None if value is None else EPOCH + timedelta(milliseconds=value),
}


def key_value(text, wanted):
    """`parse-kv` with pairs apart at semicolons; null, and of texts nothing, where a key is missing."""
    found = dict(pair.split("=", 1) for pair in text.split(";") if "=" in pair)
    return {name: KINDS[kind](found[name]) if found.get(name) else ("" if kind == "string" else None) for name, kind in wanted}


def events(text, row, schema):
    """The columns of one row. text: of the function. schema: types of the table's columns."""
    where, kv, *steps = re.split(r"\n\| (?=where|parse-kv|extend|project)", text.strip())[1:]
    for column, value in re.findall(r'(\w+) == "(\w+)"', where.removeprefix("where ")):
        if row.get(column) != value:
            return None
    known = {name: row.get(name, "" if kind == "string" else None) for name, kind in schema.items()}
    listed = re.search(r"as \((.*)\) with \(pair_delimiter=';', kv_delimiter='='\)", kv, re.DOTALL)[1]
    known |= key_value(known["AdditionalExtensions"], re.findall(r"(\w+)(?:'\])?: (\w+)", listed))
    assert [step.split(None, 1)[0] for step in steps] == ["extend", "project"]
    known |= _assigned(steps[0], known)
    return _assigned(steps[1], known)


def raised(text, rows, names):
    """What OtoscopeRaised gives of rows of OtoscopeEvents. names: values of its parameters and settings, and `ago`."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith(("//", "let ")))
    source, *steps = code.strip().split("\n| ")
    assert source == "OtoscopeEvents"
    for step in steps:
        operator, rest = step.split(None, 1)
        if operator == "where":
            rows = [row for row in rows if _holds(rest, row | names)]
        elif operator == "summarize":
            rows = list(_summarized(rest, rows, names))
        elif operator == "extend":
            rows = [row | _assigned(step, row | names) for row in rows]
        else:
            assert operator == "project-away"
            rows = [{name: value for name, value in row.items() if name not in rest.split(", ")} for row in rows]
    return rows


def _holds(condition, known):
    try:
        return eval(condition.replace("!in", "not in"), FUNCTIONS, known)  # noqa: S307 - as below
    except TypeError:  # a comparison with null
        return False


def _summarized(text, rows, names):
    """Of `countif`s and one `arg_max` or `arg_min` of all columns."""
    what, _, by = text.rpartition("by ")
    keys = by.strip().split(", ")
    extreme, order = re.search(r"arg_(max|min)\((\w+), \*\)", what).groups()
    for group in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        members = [row for row in rows if tuple(row[key] for key in keys) == group]
        found = dict({"max": max, "min": min}[extreme](members, key=lambda row: row[order]))
        for name, condition in re.findall(r"(\w+) = countif\((.*)\),\n", what):
            found[name] = sum(_holds(condition, row | names) for row in members)
        yield found


def _assigned(step, known):
    found = {}
    for item in _items(step.split(None, 1)[1]):
        name, _, expression = item.partition(" = ")
        python = (expression or name).replace("['end']", "end")
        found[name] = eval(python, FUNCTIONS, known)  # noqa: S307 - our own text, and no names but those above
    return found


def _items(text):
    """Apart at commas that no bracket or quote holds."""
    depth, quoted, item = 0, False, ""
    for character in text:
        quoted ^= character == '"'
        depth += 0 if quoted else (character in "([") - (character in ")]")
        if character == "," and not depth and not quoted:
            yield item.strip()
            item = ""
        else:
            item += character
    yield item.strip()
