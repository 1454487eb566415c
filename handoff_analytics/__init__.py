"""Find the system boundaries where automated workflows break, what each failure costs, and what to fix first."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .history import History

__version__ = "0.1.0"

# Where each public name lives. A bare import loads none of these: altair, networkx and scipy take seconds.
_HOMES = {
    "History": "history:History",
    "charts": "charts",
    "load": "loaders:load",
    "log_templates": "templates:log_templates",
    "open": "history:open_history",
}

__all__ = ["History", "__version__", "charts", "load", "log_templates", "open"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    home = import_module(f".{module}", __name__)
    value = getattr(home, attribute) if attribute else home
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted(__all__)
