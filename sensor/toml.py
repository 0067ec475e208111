"""Values as TOML, for files that people review: the standard library reads it only."""

import json


def value(given: object) -> str:
    """A text, number, truth value, or list or table of such as TOML."""
    if isinstance(given, str):
        return text(given)
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, list | tuple):
        return "[" + ", ".join(map(value, given)) + "]"
    if isinstance(given, dict):
        return "{" + ", ".join(f"{text(key)} = {value(inner)}" for key, inner in given.items()) + "}"
    if isinstance(given, float) and given.is_integer():
        return str(int(given))
    return str(given)


def text(given: str) -> str:
    """A basic string: JSON's escapes are TOML's, but for the delete character, and surrogates that TOML does not have."""
    clean = given.encode("utf-8", "replace").decode()
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")


def comment(given: str) -> str:
    """A text that stays in its comment, whatever stands in it."""
    return "".join(character if character.isprintable() else "?" for character in given)
