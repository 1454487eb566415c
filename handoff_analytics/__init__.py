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
    "Measure": "economics.measures:Measure",
    "accept_aliases": "loaders.acceptance:accept_aliases",
    "alert_rules": "alerting:alert_rules",
    "alias_proposals": "loaders.aliases:alias_proposals",
    "annual_loss": "economics.loss:annual_loss",
    "article_claims": "claims:article_claims",
    "assumptions": "economics.assumptions:assumptions",
    "attention": "attention:attention",
    "audit": "audit.readiness:audit",
    "audit_checks": "audit.readiness:audit_checks",
    "audit_coverage": "audit.readiness:audit_coverage",
    "audit_entries": "audit.entries:audit_entries",
    "audit_form": "audit_form:audit_form",
    "audit_stages": "audit.stages:audit_stages",
    "boundary_scenarios": "audit.scenarios:boundary_scenarios",
    "budget_frontier": "remediation.planning:budget_frontier",
    "cascade_pairs": "consequences:cascade_pairs",
    "cascade_reach": "cascade:cascade_reach",
    "cash_flow": "economics.flow:cash_flow",
    "catalogue_coverage": "audit.declared:catalogue_coverage",
    "catalogue_diff": "audit.declared:catalogue_diff",
    "charts": "charts",
    "check": "integrity:check",
    "check_mapping": "loaders.drafts:check_mapping",
    "circular_dependencies": "graph:circular_dependencies",
    "common_causes": "association:common_causes",
    "compare": "compare:compare",
    "compensations": "audit.compensation:compensations",
    "connect": "engines.spark:connect",
    "correlation_coverage": "correlation:correlation_coverage",
    "degradation": "degradation:degradation",
    "dependency_graph": "graph:dependency_graph",
    "draft_mapping": "loaders.drafts:draft_mapping",
    "early_warnings": "early_warning:early_warnings",
    "error_propagation": "audit.propagation:error_propagation",
    "explain": "explanation:explain",
    "explore": "explorer:explore",
    "export_remediation": "remediation.exports:export_remediation",
    "export_reposts": "remediation.repost:export_reposts",
    "failure_associations": "association:failure_associations",
    "failure_changes": "trends:failure_changes",
    "failure_frequency": "frequency:failure_frequency",
    "failure_rules": "classification:failure_rules",
    "failure_trend": "trends:failure_trend",
    "failure_types": "kinds:failure_types",
    "fallback_matches": "matching:fallback_matches",
    "fix_effect": "fixes:fix_effect",
    "green_but_failing": "green:green_but_failing",
    "handoff_signals": "signals:handoff_signals",
    "impact_graph": "graph:impact_graph",
    "load": "loaders:load",
    "load_failure_rules": "classification:load_failure_rules",
    "load_test_results": "audit.results:load_test_results",
    "log_templates": "templates:log_templates",
    "loss_exceedance": "economics.loss:loss_exceedance",
    "mark_remediation": "remediation.entries:mark_remediation",
    "open": "history:open_history",
    "open_published": "publishing:open_published",
    "plan": "remediation.planning:plan",
    "platform_claims": "platforms.reference:platform_claims",
    "platform_mix": "platforms.comparison:platform_mix",
    "platforms": "platforms.comparison:platforms",
    "prevention_case": "economics.prevention:prevention_case",
    "propagation_latency": "propagation:propagation_latency",
    "publish": "publishing:publish",
    "rank": "ranking:rank",
    "rank_stability": "stability:rank_stability",
    "readiness": "audit.readiness:readiness",
    "realised_saving": "remediation.realised:realised_saving",
    "record_audit": "audit.entries:record_audit",
    "recovery_cost": "recovery:recovery_cost",
    "recovery_drills": "audit.consistency:recovery_drills",
    "remediation_entries": "remediation.entries:remediation_entries",
    "remediation_list": "remediation.worklist:remediation_list",
    "report": "report:report",
    "repost_list": "remediation.repost:repost_list",
    "routing": "attention:routing",
    "rpn_contrast": "ranking:rpn_contrast",
    "samples": "samples",
    "say": "overview:say",
    "scaling": "platforms.scaling:scaling",
    "single_points_of_failure": "graph:single_points_of_failure",
    "slides": "slides:slides",
    "state_consistency": "audit.consistency:state_consistency",
    "suggested_measures": "remediation.suggestions:suggested_measures",
    "team_network": "attention:team_network",
    "tornado": "economics.sensitivity:tornado",
    "trace": "timeline:trace",
    "type_shares": "economics.shares:type_shares",
    "unmatched_names": "loaders.aliases:unmatched_names",
    "unseen_failures": "visibility:unseen_failures",
    "visibility": "visibility:visibility",
    "warning_record": "early_warning:warning_record",
    "widest_cascade": "consequences:widest_cascade",
}

__all__ = [
    "History",
    "Measure",
    "__version__",
    "accept_aliases",
    "alert_rules",
    "alias_proposals",
    "annual_loss",
    "article_claims",
    "assumptions",
    "attention",
    "audit",
    "audit_checks",
    "audit_coverage",
    "audit_entries",
    "audit_form",
    "audit_stages",
    "boundary_scenarios",
    "budget_frontier",
    "cascade_pairs",
    "cascade_reach",
    "cash_flow",
    "catalogue_coverage",
    "catalogue_diff",
    "charts",
    "check",
    "check_mapping",
    "circular_dependencies",
    "common_causes",
    "compare",
    "compensations",
    "connect",
    "correlation_coverage",
    "degradation",
    "dependency_graph",
    "draft_mapping",
    "early_warnings",
    "error_propagation",
    "explain",
    "explore",
    "export_remediation",
    "export_reposts",
    "failure_associations",
    "failure_changes",
    "failure_frequency",
    "failure_rules",
    "failure_trend",
    "failure_types",
    "fallback_matches",
    "fix_effect",
    "green_but_failing",
    "handoff_signals",
    "impact_graph",
    "load",
    "load_failure_rules",
    "load_test_results",
    "log_templates",
    "loss_exceedance",
    "mark_remediation",
    "open",
    "open_published",
    "plan",
    "platform_claims",
    "platform_mix",
    "platforms",
    "prevention_case",
    "propagation_latency",
    "publish",
    "rank",
    "rank_stability",
    "readiness",
    "realised_saving",
    "record_audit",
    "recovery_cost",
    "recovery_drills",
    "remediation_entries",
    "remediation_list",
    "report",
    "repost_list",
    "routing",
    "rpn_contrast",
    "samples",
    "say",
    "scaling",
    "single_points_of_failure",
    "slides",
    "state_consistency",
    "suggested_measures",
    "team_network",
    "tornado",
    "trace",
    "type_shares",
    "unmatched_names",
    "unseen_failures",
    "visibility",
    "warning_record",
    "widest_cascade",
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
