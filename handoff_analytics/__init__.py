"""Find the system boundaries where automated workflows break, what each failure costs, and what to fix first."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .history import History

__version__ = "0.1.0"

# Where each public name lives. A bare import loads none of these: altair, networkx and scipy take seconds.
_HOMES = {
    "History": "history:History",
    "cascade_reach": "cascade:cascade_reach",
    "charts": "charts",
    "circular_dependencies": "graph:circular_dependencies",
    "compare": "compare:compare",
    "dependency_graph": "graph:dependency_graph",
    "failure_frequency": "frequency:failure_frequency",
    "impact_graph": "graph:impact_graph",
    "load": "loaders:load",
    "log_templates": "templates:log_templates",
    "open": "history:open_history",
    "samples": "samples",
    "single_points_of_failure": "graph:single_points_of_failure",
}

__all__ = [
    "History",
    "__version__",
    "cascade_reach",
    "charts",
    "circular_dependencies",
    "dependency_graph",
    "failure_frequency",
    "impact_graph",
    "load",
    "log_templates",
    "open",
    "samples",
    "single_points_of_failure",
]


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


class _Package(ModuleType):
    """The type of this package: `ha.report` stays the function, which importing the module of that name would hide."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and ":" in _HOMES.get(name, "")):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
