"""What must not be stored?

Secrets are masked before a row is written, in texts and in attributes, and counted. One look by an engine without
backtracking decides whether a text is suspect at all; only suspects are searched. The patterns are those that leak in
practice: card numbers that pass the check digit, tokens, keys of clouds, and whatever stands under a name such as
password or cookie.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection

MASK = "[redacted]"
KINDS = ("cards", "secrets", "emails")
"""What can be masked; e-mail addresses only where somebody asks for it."""
# Names of fields, in lower case and without punctuation, that hold secrets; so does any that ends with a long one.
_SECRET_NAMES = (
    *("password", "passwd", "passphrase", "clientsecret", "apikey", "apisecret", "accesskey", "privatekey"),
    *("secretkey", "authorization", "authtoken", "accesstoken", "refreshtoken", "idtoken", "sessiontoken"),
    *("bearertoken", "cookie", "setcookie", "cardnumber", "securitycode"),
)
_SHORT_SECRET_NAMES = frozenset(
    (*_SECRET_NAMES, "pwd", "secret", "cookies", "cvv", "cvv2", "cvc", "cvc2", "pan", "jwt")
)
_NAMES = (
    r"pass(?:word|wd|phrase)|pwd|(?:client[ _-]?)?secret(?:[ _-]?key)?|api[ _-]?(?:key|secret)|access[ _-]?key|"
    r"private[ _-]?key|authorization|(?:auth|access|refresh|id|session|bearer)[ _-]?token|set-cookie|cookies?|cvv2?|"
    r"cvc2?|card[ _-]?number|security[ _-]?code|pan"
)
_ISSUERS = r"(?:4\d|5[1-5]|2[2-7]|3[04-9]|6[0245])"
_CARD = re.compile(
    rf"(?<![\w-])(?<!\d\.)(?:{_ISSUERS}\d{{11,17}}"
    rf"|{_ISSUERS}\d\d([ -])\d{{4}}\1\d{{4}}\1\d{{4}}(?:\1\d{{1,3}})?"
    rf"|3[0-9]\d\d([ -])\d{{6}}\2\d{{4,5}})(?![\w-])(?!\.\d)"
)
_TOKENS = re.compile(
    r"(?P<keep>\b(?:bearer|basic)\s+)(?=[\w.~+/-]*\d|[\w.~+/-]{20})[\w.~+/-]{8,}=*"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}|\bxox[baprs]-[\w-]{10,}"
    r"|\b[sr]k_(?:live|test)_\w{16,}|\bAIza[\w-]{35}"
    r"|(?P<url>://[^\s/:@\"]{1,100}:)[^\s/@\"]{1,200}(?=@)"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?",
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"(?P<keep>(?<![A-Za-z])(?:{_NAMES})[\"']?\s{{0,3}}[=:]\s{{0,3}}(?:(?:bearer|basic|digest)\s+)?)"
    rf"(?P<quote>[\"']?)(?!\[redacted\])(?P<secret>(?<=\")[^\"]*|(?<=')[^']*|[^\s,;&}}\])\"']+)",
    re.IGNORECASE,
)
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")
_SUSPECTS = {
    # Not inside of an id, nor among the decimals of a number.
    "cards": rf"(?:^\.?|[^\w.-]|[^\d]\.){_ISSUERS}\d\d(?:[ -]?\d{{4}}[ -]?\d{{4}}[ -]?\d|[ -]\d{{6}}[ -]\d{{4}})",
    "secrets": (
        r"(?i:bearer |basic |passw|passphrase|pwd|secret|api.?key|access.?key|private.?key|authorization|"
        r"(?:auth|access|refresh|id|session|bearer).?token|jwt|cookie|cvv|cvc|card.?number|security.?code|\bpan\b)"
        r"|eyJ|AKIA|ASIA|gh[pousr]_|github_pat|glpat-|xox[baprs]-|[sr]k_live|[sr]k_test|AIza|://[^\s/:@]+:"
    ),
    "emails": r"@[A-Za-z0-9-]+\.",
}
_JSON = frozenset(("attributes", "resource", "fields", "definition"))
# Words of the model, names of systems and ids hold no secrets; joins would break if they were masked.
_PLAIN = frozenset(
    ("system", "host", "kind", "channel", "status", "platform", "state", "team", "person", "namespace", "actor", "role")
)


class Redaction:
    """What one load masks, and how often it had to.

    Examples
    --------
    >>> Redaction().masked("card 4111 1111 1111 1111 declined, order 4111111111111112")
    ('card [redacted] declined, order 4111111111111112', 1)
    >>> Redaction().masked_json('{"password": "hunter2", "user": "ann"}')
    ('{"password":"[redacted]","user":"ann"}', 1)
    """

    def __init__(self, kinds: bool | Collection[str] = True) -> None:  # noqa: FBT001, FBT002 - all, none, or which
        chosen = KINDS[:2] if kinds is True else () if kinds is False else tuple(kinds)
        self._steps = [step for kind, step in _STEPS if kind in chosen]
        self._names = "secrets" in chosen
        self._suspect = "|".join(f"(?:{_SUSPECTS[kind]})" for kind in KINDS if kind in chosen)
        self._count = 0

    def take_count(self) -> int:
        """Return how many secrets were masked in frames since this was asked last."""
        count, self._count = self._count, 0
        return count

    def masked(self, text: str) -> tuple[str, int]:
        """Return a text without its secrets, and how many there were."""
        count = 0
        for pattern, step in self._steps:

            def replaced(found: re.Match[str], step: Any = step) -> str:
                nonlocal count
                made: str = step(found)
                count += made != found[0]
                return made

            text = pattern.sub(replaced, text)
        return text, count

    def masked_json(self, text: str) -> tuple[str, int]:
        """Return a JSON text without its secrets, still JSON, and how many there were."""
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return self.masked(text)
        value, count = self._walked(value, secret=False)
        return (orjson.dumps(value).decode(), count) if count else (text, 0)

    def applied(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return rows with secrets masked in every text that people or programs wrote."""
        if not self._suspect:
            return frame
        changed = []
        for name, kind in frame.schema.items():
            if kind != pl.String or name in _PLAIN or name.endswith(("_id", "_status", "_kind", "_text")):
                continue
            suspects = frame[name].str.contains(self._suspect).fill_null(value=False).arg_true()
            if suspects.is_empty():
                continue
            look = self.masked_json if name in _JSON else self.masked
            places, texts = [], []
            for place, text in zip(suspects.to_list(), frame[name].gather(suspects).to_list(), strict=True):
                made, count = look(text)
                if count:
                    self._count += count
                    places.append(place)
                    texts.append(made)
            if places:
                changed.append(frame[name].scatter(places, texts))
        return frame.with_columns(changed) if changed else frame

    def _walked(self, value: Any, *, secret: bool) -> tuple[Any, int]:
        """Return a value without secrets; under a secret name everything is one."""
        if isinstance(value, dict):
            pairs = {name: self._walked(one, secret=secret or self._is_secret(name)) for name, one in value.items()}
            return {name: one for name, (one, _) in pairs.items()}, sum(count for _, count in pairs.values())
        if isinstance(value, list):
            items = [self._walked(one, secret=secret) for one in value]
            return [one for one, _ in items], sum(count for _, count in items)
        if value is None or isinstance(value, bool) or value in {"", MASK}:
            return value, 0
        if secret:
            return MASK, 1
        if isinstance(value, str):
            return self.masked(value)
        if isinstance(value, int):
            text, count = self.masked(str(value))
            return (text, count) if count else (value, 0)
        return value, 0

    def _is_secret(self, name: str) -> bool:
        if not self._names:
            return False
        # Of a path such as http.request.header.authorization only the end says what it is.
        plain = re.sub(r"[^a-z0-9]", "", name.lower())
        last = re.sub(r"[^a-z0-9]", "", name.lower().rpartition(".")[2])
        return plain in _SHORT_SECRET_NAMES or last in _SHORT_SECRET_NAMES or plain.endswith(_SECRET_NAMES)


def _token(found: re.Match[str]) -> str:
    return f"{found['keep'] or found['url'] or ''}{MASK}"


def _named(found: re.Match[str]) -> str:
    return f"{found['keep']}{found['quote']}{MASK}" if found["secret"] else found[0]


def _card(found: re.Match[str]) -> str:
    digits = [int(letter) for letter in found[0] if letter.isdigit()]
    return MASK if _luhn(digits) and len(set(digits)) > 1 else found[0]


def _luhn(digits: list[int]) -> bool:
    """Tell whether the check digit is right (ISO/IEC 7812)."""
    doubled = (
        digit if place % 2 == 0 else (2 * digit - 9 if digit > 4 else 2 * digit)
        for place, digit in enumerate(reversed(digits))
    )
    return sum(doubled) % 10 == 0


_STEPS: tuple[tuple[str, Any], ...] = (
    ("secrets", (_TOKENS, _token)),
    ("secrets", (_NAMED, _named)),
    ("cards", (_CARD, _card)),
    ("emails", (_MAIL, lambda _: MASK)),
)
