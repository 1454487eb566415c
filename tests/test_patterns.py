"""No pattern of ours takes for ever on any text: Python's expressions backtrack, and evidence is written by strangers.

Patterns that users write run in engines without backtracking: see test_mapping and test_rules.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import re._parser as parser  # type: ignore[import-not-found] # the tree of a pattern: what could repeat in it
import time
from typing import TYPE_CHECKING, Any

import pytest

import handoff_analytics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LENGTH = 300_000
PATIENCE_S = 2.0


def patterns() -> dict[str, re.Pattern[Any]]:
    """Collect the compiled patterns of every module, those in its tuples and dictionaries too."""
    found: dict[str, re.Pattern[Any]] = {}
    for entry in pkgutil.walk_packages(handoff_analytics.__path__, "handoff_analytics."):
        if ".__main__" in entry.name or ".engines.spark" in entry.name:
            continue
        module = importlib.import_module(entry.name)
        for name, value in vars(module).items():
            for place, pattern in enumerate(within(value)):
                found.setdefault(f"{entry.name.removeprefix('handoff_analytics.')}.{name}.{place}", pattern)
    return {
        name: pattern
        for name, pattern in found.items()
        if pattern not in list(found.values())[: list(found).index(name)]
    }


def within(value: Any, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 4 and isinstance(value, dict):
        for one in (*value.keys(), *value.values()):
            yield from within(one, depth + 1)
    elif depth < 4 and isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from within(one, depth + 1)


def example(tree: Iterable[Any], *, times: int = 1) -> str:
    """Return a text that a piece of a pattern takes: each repetition `times` over, of a choice the first."""
    out = []
    for code, given in tree:
        match str(code):
            case "LITERAL":
                out.append(chr(given))
            case "NOT_LITERAL":
                out.append("a" if given != ord("a") else "b")
            case "ANY":
                out.append("a")
            case "IN":
                out.append(one_of(given))
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                low, high, inner = given
                out.append(
                    example(inner, times=times)
                    * min(max(low, times), high if high != parser.MAXREPEAT else times + low)
                )
            case "SUBPATTERN":
                out.append(example(given[-1], times=times))
            case "ATOMIC_GROUP":
                out.append(example(given, times=times))
            case "BRANCH":
                out.append(example(given[1][0], times=times))
    return "".join(out)


def one_of(choices: list[tuple[Any, Any]]) -> str:
    negated = str(choices[0][0]) == "NEGATE"
    taken = re.compile("[" + "".join(said(code, given) for code, given in choices) + "]", re.DOTALL)
    return next(
        (char for char in "a0 -./:=\"'[]()<>,;_\\{}|\t\n\x1b\x00é" if taken.fullmatch(char)), "x" if negated else chr(0)
    )


def said(code: Any, given: Any) -> str:
    match str(code):
        case "NEGATE":
            return "^"
        case "LITERAL":
            return re.escape(chr(given))
        case "RANGE":
            return f"{re.escape(chr(given[0]))}-{re.escape(chr(given[1]))}"
        case _:
            return {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_NOT_WORD": r"\W"}[str(given)]  # fmt: skip


def worst(pattern: re.Pattern[Any]) -> Iterator[str]:
    """Yield texts that make an expression try again: each thing that may repeat, very often, before what does not fit."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = parser.parse(text, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else pattern.flags)
    pieces: list[tuple[str, str]] = [("", char) for char in "a0 -"]

    def walk(items: Any, before: str) -> None:
        for place, (code, given) in enumerate(items):
            head = before + example(list(items)[:place])
            if "REPEAT" in str(code):
                pieces.append((head, example(given[2]) or "a"))
                walk(given[2], head)
            elif str(code) == "SUBPATTERN":
                walk(given[-1], head)
            elif str(code) == "BRANCH":
                for branch in given[1]:
                    walk(branch, head)

    walk(tree, "")
    whole = example(tree, times=2) or "a"
    pieces += [("", whole), ("", whole[:-1] or "a")]
    for head, piece in dict.fromkeys(pieces):
        repeated = piece * (LENGTH // len(piece) + 1)
        for tail in ("", "\x00", "!", "\n"):
            yield head + repeated[:LENGTH] + tail
        yield (head + piece * 3) * (LENGTH // len(head + piece * 3) + 1) + "\x00"


def used(name: str) -> set[str]:
    """Say by which methods a pattern is used, as its module tells; by any where it does not, as of one in a table."""
    module, constant, _ = name.rsplit(".", 2)
    home = importlib.import_module(f"handoff_analytics.{module}")
    source = inspect.getsource(home)
    found = set(re.findall(rf"\b{constant}\.(search|match|fullmatch|sub|finditer|findall|split)\(", source))
    return found or {"search", "match"}


def slowest_s(pattern: re.Pattern[Any], methods: set[str]) -> tuple[float, str]:
    """Return the longest time that a search takes, and on what it begins."""
    longest, text = 0.0, ""
    for one in worst(pattern):
        subject: Any = one.encode("utf-8", "replace") if isinstance(pattern.pattern, bytes) else one
        started = time.process_time()
        for method in methods:
            # What finds all of them looks from each place, as a search does that finds none.
            getattr(pattern, method if method in {"match", "fullmatch"} else "search")(subject)
        took = time.process_time() - started
        if took > longest:
            longest, text = took, one[:60]
        if longest > PATIENCE_S:
            break
    return longest, text


PATTERNS = patterns()


def test_the_patterns_are_found() -> None:
    assert len(PATTERNS) > 100


def test_the_probe_finds_what_takes_for_ever() -> None:
    for bad in (r"^(a+)+$", r"^(\w+\s?)*$", r"(x+x+)+y", r'^(?:[^"]|\\.|a)*"$'):
        pattern = re.compile(bad)
        started = time.process_time()
        # Shortened, or it would truly take for ever.
        for text in dict.fromkeys(text[:22] + "!" for text in worst(pattern)):
            pattern.search(text)
        assert time.process_time() - started > 0.02, bad


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_no_pattern_takes_for_ever(name: str) -> None:
    took_s, text = slowest_s(PATTERNS[name], used(name))
    assert took_s < PATIENCE_S, f"{PATTERNS[name].pattern!r} took {took_s:.1f} s on {text!r}..."
