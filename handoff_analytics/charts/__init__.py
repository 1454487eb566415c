"""How is a finding told in a picture? Each chart takes the frame of a measure, says its finding, and computes nothing.

Charts draw themselves offline in JupyterLab, in widgets, in exported HTML and in files.
"""

from .causes import failure_types
from .changes import changes
from .decisions import frontier, loss_exceedance
from .evidence import quality
from .looking import attention
from .money import cost
from .network import graph, matrix
from .page import save
from .platform_types import platforms
from .prevention import cash_flow, tornado
from .priorities import pareto, ranking, why
from .readiness import audit_coverage, audit_stages
from .renderer import enable
from .silence import silent_failures, time_to_detect
from .spread import cascade, cascade_tree, reach
from .theme import use
from .timeline import timeline, transaction
from .watching import degradation, green_but_failing

__all__ = [
    "attention",
    "audit_coverage",
    "audit_stages",
    "cascade",
    "cascade_tree",
    "cash_flow",
    "changes",
    "cost",
    "degradation",
    "enable",
    "failure_types",
    "frontier",
    "graph",
    "green_but_failing",
    "loss_exceedance",
    "matrix",
    "pareto",
    "platforms",
    "quality",
    "ranking",
    "reach",
    "save",
    "silent_failures",
    "time_to_detect",
    "timeline",
    "tornado",
    "transaction",
    "use",
    "why",
]

enable()
