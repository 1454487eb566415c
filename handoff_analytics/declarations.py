"""Does a file that a person wrote say only what it may say?

Catalogues and mapping files are TOML, typed by msgspec structs. A key that no struct knows is a mistake, never ignored:
a measure left out because of a spelling would be a wrong answer without a word.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import msgspec
from msgspec import inspect

from .errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Iterable

Declared = TypeVar("Declared")


def suggestion(found: str, known: Iterable[str]) -> str:
    """Return a question that names the nearest known word, or nothing when none is near.

    Examples
    --------
    >>> suggestion("plattform", ["name", "platform"])
    " Did you mean 'platform'?"
    >>> suggestion("xyz", ["name", "platform"])
    ''
    """
    lowered = {word.lower(): word for word in sorted(known)}
    near = difflib.get_close_matches(found.lower(), lowered, n=1)
    return f" Did you mean {lowered[near[0]]!r}?" if near else ""


def unknown_word(found: str, known: Iterable[str], *, where: str) -> MappingError:
    """Return the error for a word outside a list of known ones."""
    words = sorted(known)
    return MappingError(f"{where}: {found!r} is not known here. Known: {', '.join(words)}.{suggestion(found, words)}")


def zone_fault(name: str) -> str | None:
    """Say what is wrong with the name of a time zone, and which name is near; nothing when it is one.

    Examples
    --------
    >>> zone_fault("Europe/Berln")
    "'Europe/Berln' is no time zone. Did you mean 'Europe/Berlin'?"
    """
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A folder of the zone database is an OSError, an escaping path a ValueError.
        return f"{name!r} is no time zone.{suggestion(name, available_timezones())}"
    return None


def toml(content: bytes | str, *, file: str) -> dict[str, Any]:
    """Parse TOML, and say where it does not parse."""
    try:
        text = content if isinstance(content, str) else content.decode("utf-8-sig")
        return tomllib.loads(text)
    except UnicodeDecodeError as fault:
        raise MappingError(f"{file} is not UTF-8 at byte {fault.start}. Save it as UTF-8.") from fault
    except tomllib.TOMLDecodeError as fault:
        raise MappingError(f"{file} is no TOML: {fault}.") from fault


def declared(document: Any, kind: type[Declared], *, file: str) -> Declared:
    """Return a document as a struct; a key or value outside the struct is refused by file, place and nearest word.

    Parameters
    ----------
    document
        What `toml` returned, or the same structure as Python dictionaries.
    kind
        The struct that says which keys there are.
    file
        Name of the file, for messages.

    Returns
    -------
    Declared
        The struct.

    Raises
    ------
    MappingError
        If a key is unknown or missing, or a value has the wrong type.
    """
    _only_known(document, inspect.type_info(kind), file=file, place="")
    try:
        return msgspec.convert(document, kind, strict=True)
    except msgspec.ValidationError as fault:
        what, _, path = str(fault).partition(" - at ")
        place = path.strip("`").removeprefix("$").removeprefix(".")
        raise MappingError(f"{file}{f': {place}' if place else ''}: {_plain(what)}.") from fault


def _plain(what: str) -> str:
    """Say msgspec's sentence in the words of TOML."""
    words = {
        "object": "table",
        "`str`": "text",
        "`int`": "a whole number",
        "`float`": "a number",
        "`bool`": "true or false",
    }
    for theirs, ours in words.items():
        what = re.sub(rf"{theirs}\b" if theirs[0] != "`" else re.escape(theirs), ours, what, flags=re.IGNORECASE)
    return what[0].lower() + what[1:]


def _only_known(value: Any, kind: inspect.Type, *, file: str, place: str) -> None:
    """Walk a document beside its type, and refuse the first key that the type does not have."""
    if isinstance(kind, inspect.UnionType):
        _only_known_of(value, kind, file=file, place=place)
    elif isinstance(kind, inspect.StructType) and isinstance(value, dict):
        fields = {field.encode_name: field.type for field in kind.fields}
        tag = {kind.tag_field} if kind.tag_field else set()
        for name, inner in value.items():
            if name not in fields.keys() | tag:
                raise unknown_word(name, fields.keys() | tag, where=f"{file}: key in {place or 'the file'}")
            if name in fields:
                _only_known(inner, fields[name], file=file, place=f"{place}.{name}" if place else name)
    elif isinstance(kind, inspect.ListType) and isinstance(value, list):
        for index, inner in enumerate(value):
            _only_known(inner, kind.item_type, file=file, place=f"{place}[{index + 1}]")
    elif isinstance(kind, inspect.DictType) and isinstance(value, dict):
        for name, inner in value.items():
            _only_known(inner, kind.value_type, file=file, place=f"{place}.{name}")


def _only_known_of(value: Any, kind: inspect.UnionType, *, file: str, place: str) -> None:
    """Pick the member of a union that a table is meant for: by its tag, or the only struct."""
    if not isinstance(value, dict):
        for member in kind.types:
            if isinstance(member, inspect.ListType):
                _only_known(value, member, file=file, place=place)
        return
    structs = [member for member in kind.types if isinstance(member, inspect.StructType)]
    tagged = {str(member.tag): member for member in structs if member.tag_field}
    if tagged:
        field = str(next(iter(tagged.values())).tag_field)
        if (tag := value.get(field)) not in tagged:
            raise unknown_word(str(tag), tagged, where=f"{file}: {place}.{field}")
        _only_known(value, tagged[str(tag)], file=file, place=place)
    elif structs:
        _only_known(value, structs[0], file=file, place=place)
