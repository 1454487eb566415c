"""Who says what of which check? A form for a notebook; every answer is kept in the history."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from IPython.display import display

from . import charts
from .audit.checks import CHECKS, STAGE, STATES
from .audit.entries import record_audit
from .audit.readiness import audit
from .audit.stages import audit_stages
from .charts import words
from .errors import HandoffError

if TYPE_CHECKING:
    from datetime import datetime

    from .history import History

_EVERY = "every handoff"
_WIDE = {"width": "34em"}


def audit_form(history: History, *, as_of: datetime | None = None) -> Any:
    """Answer the checks of the audit in a notebook, and see which stage that opens.

    Parameters
    ----------
    history
        A history that can be written to; answers are kept in it, as `record_audit` keeps them.
    as_of
        The moment from which ages are counted, as for `audit`.

    Returns
    -------
    ipywidgets.VBox
        A form, and below it the ten stages of the handoff that is chosen, drawn again after every answer. Only the
        checks that a person can answer are offered: the evidence answers the others, and nobody can overrule it.

    Raises
    ------
    EmptyHistoryError
        If nothing was seen and nothing is declared.
    """
    return _Form(history, as_of=as_of).shown


class _Form:
    """The parts of the form, and what they do."""

    def __init__(self, history: History, *, as_of: datetime | None) -> None:
        self._history, self._as_of = history, as_of
        self._checked = audit(history, as_of=as_of)
        found = self._checked.select("source", "target", "channel").unique(maintain_order=True)
        handoffs = dict(zip(words.handoffs(found), found.iter_rows(), strict=True))
        asked = [check for check in CHECKS if set(check.filled_by) & {"attached", "test", "drill"}]
        self.handoff = _choice("handoff", {_EVERY: (None, None, None)} | handoffs)
        self.check = _choice(
            "check", {f"{STAGE[one.stage].number}. {STAGE[one.stage].title}: {one.question}": one.name for one in asked}
        )
        self.state = widgets.ToggleButtons(
            options=[(words.plain(state), state) for state in STATES], description="state"
        )
        self.owner = _line("owner", "who answers for it")
        self.evidence = _line("evidence", "link or document; a pass needs one")
        self.note = _line("note", "what was seen")
        self.record = widgets.Button(description="Record", button_style="primary", icon="check")
        self.said = widgets.HTML()
        self.picture = widgets.Output()
        self.record.on_click(self._keep)
        self.handoff.observe(self._draw, names="value")
        asking = [self.handoff, self.check, self.state, self.owner, self.evidence, self.note, self.record]
        self.shown = widgets.VBox([*asking, self.said, self.picture])
        self.shown.parts = self
        self._draw()

    def _keep(self, _: Any) -> None:
        source, target, channel = self.handoff.value
        try:
            record_audit(
                self._history,
                check_name=self.check.value,
                state=self.state.value,
                source=source,
                target=target,
                channel=channel,
                owner=self.owner.value.strip() or None,
                evidence=self.evidence.value.strip() or None,
                note=self.note.value.strip() or None,
            )
        except HandoffError as refused:
            self._say(f"Not recorded: {refused}")
            return
        self._checked = audit(self._history, as_of=self._as_of)
        self._say(
            f"Recorded: {words.plain(self.check.value)} is {words.plain(self.state.value)} at {self.handoff.label}."
        )
        self.evidence.value = self.note.value = ""
        self._draw()

    def _say(self, sentence: str) -> None:
        # Names come from evidence, and a link from whoever pastes it: neither is markup here.
        self.said.value = f"<p>{html.escape(sentence)}</p>"

    def _draw(self, _: Any = None) -> None:
        source, target, channel = self.handoff.value
        checked = self._checked
        if source is not None:
            checked = checked.filter(source=source, target=target, channel=channel)
        stages = audit_stages(checked, by_handoff=source is not None)
        self.picture.clear_output(wait=True)
        with self.picture:
            display(charts.audit_stages(stages, history=self._history))  # type: ignore[no-untyped-call]


def _choice(name: str, options: dict[str, Any]) -> Any:
    return widgets.Dropdown(options=list(options.items()), description=name, layout=_WIDE)


def _line(name: str, hint: str) -> Any:
    return widgets.Text(description=name, placeholder=hint, layout=_WIDE)
