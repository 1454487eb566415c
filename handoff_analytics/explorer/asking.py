"""What if an hour, a failure or a measure cost something else?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from .. import charts
from ..charts import canvas, words
from ..economics.whatif import Assumed, Basis, basis, what_if
from . import stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..economics.measures import Measure
    from ..economics.whatif import Answer
    from ..history import History

_SCALES = {
    "hour": "hour of work",
    "other": "other cost",
    "outlay": "cost of fixes",
    "effect": "effect of fixes",
}
_COLUMNS = {
    "title": "measure",
    "chosen": "chosen",
    "cost": "cost, once",
    "yearly_cost": "upkeep a year",
    "saving_alone": "saves alone, a year",
}
_MISSING = (
    "The catalogue declares no measures, so there is no budget to spend. Declare them as [[measure]] in a catalogue "
    "and load it."
)


class Asking:
    """Sliders for prices and the budget, and the case at these prices."""

    def __init__(self) -> None:
        self._known: Basis | None = None
        self._history: History | None = None
        self._caption = ""
        self._sliders = {name: _percent(label) for name, label in _SCALES.items()}
        self._discount = ipywidgets.IntSlider(
            value=8, min=0, max=20, description="discount, %", continuous_update=False, style=stage.WIDE
        )
        self._budget = ipywidgets.IntSlider(
            value=0, min=0, max=1, description="budget", continuous_update=False, style=stage.WIDE, readout_format=",d"
        )
        self._reset = ipywidgets.Button(description="as believed", tooltip="Set every slider back")
        self._reset.on_click(lambda _: self._start())
        self._said, self._chart, self._list = ipywidgets.HTML(), stage.place(), ipywidgets.HTML()
        controls = [*self._sliders.values(), self._discount, self._budget]
        for control in controls:
            control.observe(lambda _: self.answer(), names="value")
        self.box = ipywidgets.VBox(
            [
                ipywidgets.HBox([*controls, self._reset], layout=ipywidgets.Layout(flex_flow="row wrap")),
                self._said,
                self._chart,
                self._list,
            ]
        )

    def show(self, history: History, *, measures: Iterable[Measure] | None = None) -> None:
        """Draw the losses of this part of the history, once, and show the case as it is believed.

        Whatever a slider moves is computed from these draws: the history is not asked again, however large it is.
        """
        if history is not self._history:
            self._history, self._known = history, basis(history, measures=measures)
            self._caption = canvas.caption(history)
            everything = sum(measure.cost for measure in self._known.measures)
            step = max(round(everything / 50), 1)
            self._budget.max = max(step * 50, 1)
            self._budget.step = step
            self._start()

    def _start(self) -> None:
        for slider in self._sliders.values():
            slider.value = 100
        self._discount.value = 8
        self._budget.value = self._budget.max // 2
        self.answer()

    def answer(self) -> None:
        """Make the case again at the prices of the sliders."""
        if self._known is None:
            return
        if not self._known.measures:
            self._said.value, self._list.value = stage.sentence(_MISSING), ""
            stage.draw(self._chart, None)
            return
        assumed = Assumed(**{name: slider.value / 100 for name, slider in self._sliders.items()})
        answer = what_if(
            self._known, budget=self._budget.value, assumed=assumed, discount_rate=self._discount.value / 100
        )
        self._said.value = stage.sentence(told(answer))
        chart = charts.frontier(answer.frontier, budget=self._budget.value, history=self._caption)
        stage.draw(self._chart, chart)
        self._list.value = stage.rows("The measures, those chosen first.", answer.measures, _COLUMNS)


def _percent(label: str) -> Any:
    return ipywidgets.IntSlider(
        value=100,
        min=0,
        max=300,
        step=5,
        description=f"{label}, %",
        continuous_update=False,
        style=stage.WIDE,
    )


def told(answer: Answer) -> str:
    """Say the case in a sentence or two, the negative one as plainly as the positive one."""
    chosen = int(answer.measures["chosen"].sum())

    def money(amount: float) -> str:
        return words.money(amount, answer.currency)

    before = f"Failures are expected to cost {money(answer.loss)} a year."
    if not chosen:
        return f"{before} No measure earns its cost within this budget."
    return (
        f"{before} {words.counted(chosen, 'measure')} for {money(answer.cost)} and {money(answer.yearly_cost)} a year "
        f"save {money(answer.saving)} of it (90%: {money(answer.saving_low)} to {money(answer.saving_high)}). "
        f"Over {answer.life_years:g} years they are worth {money(answer.npv)} net (90%: {money(answer.npv_low)} to "
        f"{money(answer.npv_high)}); the probability that they pay is {words.share(answer.p_npv_positive)}."
    )
