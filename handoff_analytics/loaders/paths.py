"""Where in a JSON record is a value?

A path is ``a.b.c``; a key may hold dots itself. ``a[*].b`` is the list of all b, ``a[0].b`` the first. Text that holds
JSON is opened on the way. In records inside of records ``^.`` leads to the enclosing one, ``^^.`` to the outermost.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STEP = re.compile(r"\[(\*|\d+)\]")
DEEPEST = 100


def value(record: Any, path: str, parents: Sequence[Any] = ()) -> Any:
    """Return what is at a path; None where there is nothing.

    Parameters
    ----------
    record
        The record.
    path
        Where in it.
    parents
        The records that enclose it, outermost first.

    Returns
    -------
    Any
        The value: a list for a path with ``[*]``.

    Examples
    --------
    >>> value({"a": {"b": [{"c": 1}, {"c": 2}]}}, "a.b[*].c"), value({"log.level": "warn"}, "log.level")
    ([1, 2], 'warn')
    >>> value({"headers": [["stage", "sink"]]}, "headers.stage"), value({"tags": [{"key": "a", "value": 1}]}, "tags.a")
    ('sink', 1)
    >>> value({"id": 2}, "^.id", [{"id": 0}, {"id": 1}]), value({"id": 2}, "^^.id", [{"id": 0}, {"id": 1}])
    (1, 0)
    """
    if path.startswith("^^."):
        return value(parents[0] if parents else record, path[3:])
    if path.startswith("^."):
        return value(parents[-1], path[2:], parents[:-1]) if parents else None
    return _at(record, path)


def _at(found: Any, path: str) -> Any:
    if not path:
        return found
    found = document(found)
    if path.startswith("["):
        step = _STEP.match(path)
        if step is None or not isinstance(found, list):
            return None
        rest = path[step.end() :].removeprefix(".")
        if step[1] == "*":
            return [one for one in (_at(item, rest) for item in found) if one is not None]
        place = int(step[1])
        return _at(found[place], rest) if place < len(found) else None
    if isinstance(found, list):
        found = _paired(found)
    if not isinstance(found, dict):
        return None
    if path in found:
        return found[path]
    # The longest key wins: "log.level" is a key of its own in many records.
    for end in sorted((spot.start() for spot in re.finditer(r"[.\[]", path)), reverse=True):
        name = path[:end]
        if name in found:
            return _at(found[name], path[end:].removeprefix("."))
    lowered = {name.lower(): name for name in found}
    return found[lowered[path.lower()]] if path.lower() in lowered else None


def _paired(found: list[Any]) -> dict[Any, Any] | None:
    """Return a list of named values as a map: objects with key and value, pairs, or names and values in turn."""
    if all(isinstance(one, dict) and "key" in one for one in found):
        return {str(one["key"]): one.get("value") for one in found}
    if all(isinstance(one, list) and len(one) == 2 for one in found):
        return {str(name): value for name, value in found}
    if len(found) % 2 == 0 and all(isinstance(name, str) for name in found[::2]):
        return dict(zip(found[::2], found[1::2], strict=True))
    return None


def document(found: Any) -> Any:
    """Return the document inside of a text that holds one, else the value itself.

    Examples
    --------
    >>> document('{"a": 1}'), document("plain")
    ({'a': 1}, 'plain')
    """
    if isinstance(found, str) and found[:1] in {"{", "["}:
        try:
            return orjson.loads(found)
        except orjson.JSONDecodeError:
            return found
    return found


def every(document: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield each record that a path with ``[*]`` leads to, with its JSON pointer (RFC 6901).

    Of a map of records each record has its key as ``^name``; so has each item of a list in a map, and an item that is
    no object is its ``^value``.

    Examples
    --------
    >>> list(every({"result": [{"a": 1}, {"a": 2}]}, "result[*]"))
    [('/result/0', {'a': 1}), ('/result/1', {'a': 2})]
    >>> list(every({"week 1": ["late", "lost"]}, "[*][*]"))
    [('/week 1/0', {'^name': 'week 1', '^value': 'late'}), ('/week 1/1', {'^name': 'week 1', '^value': 'lost'})]
    """
    yield from _every(document, path, "", None)


def _every(found: Any, path: str, pointer: str, named: str | None) -> Iterator[tuple[str, Any]]:
    head, star, rest = path.partition("[*]")
    if head.strip("."):
        name = head.strip(".")
        found = _at(found, name)
        pointer = f"{pointer}/{name.replace('.', '/')}"
    found = document(found)
    if not star:
        if found is not None:
            yield pointer, found if named is None else _named(found, named)
        return
    if isinstance(found, dict):
        for name, item in found.items():
            if isinstance(item, dict) or (rest and isinstance(item, list)):
                yield from _every(item, rest, f"{pointer}/{name}", name)
    elif isinstance(found, list):
        for place, item in enumerate(found):
            yield from _every(item, rest, f"{pointer}/{place}", named)


def _named(found: Any, name: str) -> dict[str, Any]:
    return {"^name": name, **found} if isinstance(found, dict) else {"^name": name, "^value": found}


def tree(record: Any, child: str, parents: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Yield a record and the records inside of it, each with those that enclose it.

    Examples
    --------
    >>> segment = {"id": "a", "subsegments": [{"id": "b"}]}
    >>> [(one["id"], [outer["id"] for outer in outers]) for one, outers in tree(segment, "subsegments")]
    [('a', []), ('b', ['a'])]
    """
    yield record, parents
    if len(parents) >= DEEPEST or not isinstance(record, dict):
        return
    inside = document(record.get(child))
    for inner in inside if isinstance(inside, list) else ():
        yield from tree(inner, child, (*parents, record))


def flat(record: dict[str, Any], *, without: frozenset[str] = frozenset(), prefix: str = "") -> dict[str, Any]:
    """Return a record with dotted keys instead of objects inside of objects; empty values are left out.

    Examples
    --------
    >>> flat({"a": {"b": 1, "c": None}, "d": [1, 2]}, without=frozenset({"d"}))
    {'a.b': 1}
    """
    found: dict[str, Any] = {}
    for name, inner in record.items():
        path = f"{prefix}{name}"
        if path in without or inner is None or inner in ("", [], {}):
            continue
        if isinstance(inner, dict) and prefix.count(".") < DEEPEST:
            found |= flat(inner, without=without, prefix=f"{path}.")
        else:
            found[path] = inner
    return found
