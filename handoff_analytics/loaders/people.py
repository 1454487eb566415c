"""Which fields of a record say who somebody is?

People are stored as salted hashes wherever a record names them, not only in the columns that are for people. What a
field holds is known by its name, however a tool writes it: ``user.id``, ``customerEmail``, ``author.displayName``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_ROLES = (
    r"assignee|reporter|requester|creator|submitter|author|approver|watchers?|actor|principal|"
    r"(?:assigned|opened|closed|resolved|created|updated|changed|acknowledged)[ _]?(?:by|to)|requested[ _]for"
)
_NAMED = r"(?:account)?id|(?:display|full|real|nick)?[ ._-]?name|e[._-]?mail(?:[ ._-]?address)?|login|summary"
_FIELD = re.compile(
    # An account of a database is a system's, and a user agent is a program.
    rf"(?:^|[\W_])(?:{_ROLES}|e[._-]?mail(?:[ ._-]?address)?|(?<!db[._])user(?:[ _]?name)?|"
    r"(?:customer|full|first|last)[ _]name|"
    rf"(?:customer|end[ _]?user|(?<!db[._])user|usr|tenant)[ ._-]?(?:{_NAMED}))$"
    rf"|(?:^|[\W_])(?:{_ROLES}|\w+[ _]by)(?:\.\w+)*\.(?:{_NAMED})$",
    re.IGNORECASE,
)
# In tables of tickets these are people; in logs they are lines of code and programs.
_HEADER = re.compile(
    rf"(?:^|[\W_])(?:caller(?:[ _]id)?|(?<!user[ _.-])agent|contact|mail|(?:{_ROLES})[ _]ids?|"
    r"(?:project[ _])?lead(?:[ _]id)?|owner|responders?|(?:request(?:ed)?[ _])?participants?|"
    r"cced|followers?|people involved.*)\)?$"
    rf"|\((?:{_ROLES})\)$",
    re.IGNORECASE,
)
_DEEPEST = 100
_HOLDERS = (dict, list)


@lru_cache(maxsize=65536)
def is_person(name: str) -> bool:
    """Tell whether a field says who somebody is, by its name; names are dotted where objects are nested.

    Examples
    --------
    >>> [is_person(name) for name in ("user.id", "customer_email", "author.displayName", "last_change_by.summary")]
    [True, True, True, True]
    >>> [is_person(name) for name in ("user_agent", "http.user_agent.name", "db.user", "display_name", "caller")]
    [False, False, False, False, False]
    """
    return _FIELD.search(name) is not None


@lru_cache(maxsize=4096)
def is_person_in_table(name: str) -> bool:
    """Tell whether a column of a table of tickets holds people.

    Examples
    --------
    >>> [is_person_in_table(name) for name in ("Caller", "Assignee Id", "Custom field (Responders)", "User agent")]
    [True, True, True, False]
    """
    return is_person(name) or _HEADER.search(name) is not None


def hidden(attributes: dict[str, Any], person: Callable[[Any], str | None]) -> dict[str, Any]:
    """Return attributes in which people are what `person` makes of them; the same object where nobody is named.

    Examples
    --------
    >>> hidden({"user.id": 7, "host": "a", "watchers": [{"name": "Ann"}]}, lambda name: f"<{name}>")
    {'user.id': '<7>', 'host': 'a', 'watchers': [{'name': '<Ann>'}]}
    """
    named = [name for name, value in attributes.items() if value.__class__ in _HOLDERS or is_person(str(name))]
    if not named:
        return attributes
    return attributes | {name: hidden_value(str(name), attributes[name], person) for name in named}


def hidden_value(path: str, value: Any, person: Callable[[Any], str | None], depth: int = 0) -> Any:
    """Return a value of a field, with people in it as what `person` makes of them."""
    if value is None or isinstance(value, bool) or value == "" or depth > _DEEPEST:
        return value
    if isinstance(value, dict):
        return {name: hidden_value(f"{path}.{name}", inner, person, depth + 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [hidden_value(path, inner, person, depth + 1) for inner in value]
    return person(value) if is_person(path) else value
