"""How bad does a log line say it is?

The answer is OpenTelemetry's severity number: 1 trace, 5 debug, 9 info, 13 warning, 17 error, 21 fatal; 0 unknown.
"""

from __future__ import annotations

from typing import Any

_WORDS = {
    1: "trace finest verbose all silly trce verb vrb",
    5: "debug finer dbg fine debg d config dbug debug1 debug2 debug3 debug4 debug5",
    9: "info information informational i inf log statement detail hint success infos silent",
    10: "notice note",
    13: "warn warning w wrn warnings attention",
    17: "error err e severe failure fail errors eror",
    18: "critical crit c",
    19: "alert",
    21: "fatal f emergency emerg panic wtf ftl dpanic",
}
_NUMBERS = {word: number for number, words in _WORDS.items() for word in words.split()}
_SYSLOG = (21, 19, 18, 17, 13, 10, 9, 5)
_TENS = {10: 1, 20: 5, 30: 9, 40: 13, 50: 17, 60: 21}
_PYTHON = {10: 5, 20: 9, 30: 13, 40: 17, 50: 21}
_SEVERITY_LEVEL = (1, 9, 13, 17, 21)
_HUNDREDS = {0: 0, 100: 5, 200: 9, 300: 10, 400: 13, 500: 17, 600: 18, 700: 19, 800: 21}

LEVEL = (
    r"TRACE|FINEST|FINER|FINE|VERBOSE|DEBUG\d?|CONFIG|INFORMATION(?:AL)?|INFO|NOTICE|LOG|WARN(?:ING)?|ERROR|ERR|SEVERE"
    r"|CRITICAL|CRIT|ALERT|FATAL|EMERG(?:ENCY)?|PANIC"
)
"""The words that text logs write in capitals, as a pattern."""


def severity(value: Any, *, scale: str = "words") -> int:
    """Return the severity number of what a logger wrote.

    Parameters
    ----------
    value
        A word in any case, or a number.
    scale
        What numbers mean: ``words`` (10 to 60 as bunyan and pino write them), ``python`` (10 to 50), ``syslog`` (7 to
        0), ``otel`` (1 to 24), ``hundreds`` (100 to 800) or ``insights`` (0 to 4).

    Examples
    --------
    >>> severity("Warning"), severity(50), severity("3", scale="syslog"), severity("loud")
    (13, 17, 17, 0)
    """
    if isinstance(value, bool) or value is None:
        return 0
    text = str(value).strip().lower()
    if text.removesuffix(".0").lstrip("-").isdigit():
        number = int(text.removesuffix(".0"))
        match scale:
            case "syslog":
                return _SYSLOG[number] if 0 <= number < len(_SYSLOG) else 0
            case "otel":
                return number if 0 <= number <= 24 else 0
            case "python":
                return _PYTHON.get(number, 0)
            case "hundreds":
                return _HUNDREDS.get(number, 0)
            case "insights":
                return _SEVERITY_LEVEL[number] if 0 <= number < len(_SEVERITY_LEVEL) else 0
            case _:
                return _TENS.get(number, 0)
    word = text.removeprefix("loglevel.").strip("[]()<>:")
    return _NUMBERS.get(word, 0)
