"""How bad can a year be, and how sure is that?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..ranking import KEYS
from .assumptions import assumptions, in_short
from .exposure import exposure
from .simulation import Figures, Mode, error, simulate, tail_mean

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..history import History

    Floats = npt.NDArray[np.float64]

PROBABILITIES = (
    *(0.99, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2, 0.15),
    *(0.1, 0.075, 0.05, 0.04, 0.03, 0.02, 0.01, 0.005, 0.002),
)
_NAMED = {0.5: "P50", 0.1: "P90", 0.05: "P95", 0.01: "P99"}
CURVE = pl.Schema(
    {
        "probability": pl.Float64(),
        "loss": pl.Float64(),
        "loss_low": pl.Float64(),
        "loss_high": pl.Float64(),
        "loss_error": pl.Float64(),
        "name": pl.String(),
        "tail_mean": pl.Float64(),
        "expected_annual_loss": pl.Float64(),
        "expected_low": pl.Float64(),
        "expected_high": pl.Float64(),
        "expected_error": pl.Float64(),
        "standard_deviation": pl.Float64(),
        "years_simulated": pl.Int64(),
        "currency": pl.String(),
        "assumed_share": pl.Float64(),
        "assumptions": pl.String(),
    }
)


def loss_exceedance(
    history: History, *, parameter_draws: int = 200, years: int = 500, mode: Mode = "compound", seed: int = 1
) -> pl.DataFrame:
    """Estimate with which probability a year loses more than a given amount, over all handoffs in scope.

    A year is simulated incident by incident: their number and their cost are drawn, added, and hours that strike
    several handoffs are drawn whole. The band is the doubt about the parameters; what stays inside of each curve is
    luck, which no further evidence removes.

    Parameters
    ----------
    history
        What to measure; narrow it with `History.where` to see one handoff.
    parameter_draws
        Sets of parameters.
    years
        Years simulated for each set.
    mode
        ``"fair_product"`` multiplies the number of incidents of a year by the cost of a single one, as pyfair does.
        Only to reproduce such figures: at three incidents a year that cost 1 to 10 its P99 is 63 instead of 40.
    seed
        Of the simulation.

    Returns
    -------
    polars.DataFrame
        One row a probability, falling.

        ==================== ======= =================================================================================
        probability          Float64 chance that a year loses more
        loss                 Float64 the amount, in currency: parameters and luck together
        loss_low, loss_high  Float64 5 and 95 % of it over the parameters
        loss_error           Float64 Monte Carlo standard error of loss
        name                 String  P50, P90, P95 or P99 where the row is that quantile; null elsewhere
        tail_mean            Float64 mean of the years that lose more (tail value at risk)
        expected_annual_loss Float64 mean loss of a year; the same in every row, as the columns that follow
        expected_low, _high  Float64 5 and 95 % of it over the parameters
        expected_error       Float64 Monte Carlo standard error of the mean
        standard_deviation   Float64 of the loss of a year
        years_simulated      Int64   parameter_draws * years
        currency             String  ISO 4217
        assumed_share        Float64 share of the expected loss that rests on assumptions
        assumptions          String  the register in a sentence; `assumptions` lists it
        ==================== ======= =================================================================================

    Raises
    ------
    EmptyHistoryError
        If the scope holds no crossings.

    Notes
    -----
    Failures come in bursts. An incident is taken as a burst of the measured size (the overdispersion of
    `failure_frequency`), so that the number of failures of a year is compound Poisson around a rate that is itself
    uncertain. The Monte Carlo error of every figure is printed beside it.

    riskquant annualises frequency times mean magnitude, which is right for the mean and says nothing of the spread; its
    PERT frequency takes the likely value for the mean. pyfair multiplies instead of adding. Neither is copied.

    References
    ----------
    Klugman, Panjer & Willmot (2019), Loss Models, 5th edition, chapter 9; Hubbard (2016), How to Measure Anything in
    Cybersecurity Risk, for the exceedance curve; Acerbi & Tasche (2002) for the tail mean.
    """
    exposed = exposure(history, seed=seed)
    simulated = simulate(
        exposed.hazards(parameter_draws),
        shared=exposed.shared,
        parameter_draws=parameter_draws,
        years=years,
        mode=mode,
        seed=seed,
    )
    register = in_short(assumptions(history), exposed.assumed_share)
    return (
        exceedance_curve(simulated.portfolio)
        .with_columns(
            currency=pl.lit(exposed.currency),
            assumed_share=pl.lit(exposed.assumed_share, dtype=pl.Float64),
            assumptions=pl.lit(register),
        )
        .select(CURVE.names())
    )


def exceedance_curve(losses: Floats) -> pl.DataFrame:
    """Describe simulated years, one row a set of parameters, as an exceedance curve."""
    figures = Figures.of(losses)
    each = np.quantile(losses, [1 - p for p in PROBABILITIES], axis=1)
    low, high = np.quantile(each, [0.05, 0.95], axis=1)
    rows: list[dict[str, Any]] = []
    for place, probability in enumerate(PROBABILITIES):
        rows.append(
            {
                "probability": probability,
                "loss": float(np.quantile(losses, 1 - probability)),
                "loss_low": float(low[place]),
                "loss_high": float(high[place]),
                "loss_error": error(losses, 1 - probability),
                "name": _NAMED.get(probability),
                "tail_mean": tail_mean(losses, 1 - probability),
                "expected_annual_loss": figures.mean,
                "expected_low": figures.mean_low,
                "expected_high": figures.mean_high,
                "expected_error": figures.mean_error,
                "standard_deviation": figures.sd,
                "years_simulated": losses.size,
            }
        )
    return pl.DataFrame(rows, schema={name: CURVE[name] for name in CURVE.names()[:13]})


def annual_loss(
    history: History, *, parameter_draws: int = 200, years: int = 500, mode: Mode = "compound", seed: int = 1
) -> pl.DataFrame:
    """Describe the loss of a year in figures, for all handoffs together and for each.

    Parameters
    ----------
    history
        What to measure, and in which window.
    parameter_draws, years, mode, seed
        As for `loss_exceedance`.

    Returns
    -------
    polars.DataFrame
        The first row is for all handoffs together (source, target and channel null); then one a handoff, as `rank`
        orders them.

        ==================== ======= ==============================================================================
        source               String  null in the row for all
        target, channel      String
        expected_annual_loss Float64 mean loss of a year, in currency
        expected_low, _high  Float64 5 and 95 % of the mean over the parameters
        expected_error       Float64 Monte Carlo standard error of the mean
        standard_deviation   Float64 of the loss of a year
        p50, p90, p95, p99   Float64 quantiles of the loss of a year
        p95_error, p99_error Float64 their Monte Carlo standard errors
        tail_mean            Float64 mean of the worst 5 % of the years (tail value at risk)
        incidents_per_year   Float64 expected incidents: bursts of failures
        cost_per_incident    Float64 expected cost of one
        shared_windows       Int64   hours of the history in which several handoffs failed together; same in all rows
        currency             String  ISO 4217
        assumed_share        Float64 share of the loss that rests on assumptions
        ==================== ======= ==============================================================================
    """
    exposed = exposure(history, seed=seed)
    simulated = simulate(
        exposed.hazards(parameter_draws),
        shared=exposed.shared,
        parameter_draws=parameter_draws,
        years=years,
        mode=mode,
        seed=seed,
    )
    windows = 0 if exposed.shared is None else len(exposed.shared.incidents)
    total = _figures(Figures.of(simulated.portfolio)) | {
        **dict.fromkeys(KEYS),
        "incidents_per_year": float(exposed.incidents.mean(axis=0).sum()),
        "cost_per_incident": None,
        "assumed_share": exposed.assumed_share,
    }
    rows = [total]
    for place, handoff in enumerate(exposed.handoffs.to_dicts()):
        rows.append(
            _figures(simulated.figures[place])
            | {name: handoff[name] for name in (*KEYS, "assumed_share")}
            | {
                "incidents_per_year": float(exposed.incidents[:, place].mean()),
                "cost_per_incident": float(exposed.costs[:, place].mean()),
            }
        )
    frame = pl.DataFrame(rows, schema_overrides=dict.fromkeys(KEYS, pl.String), infer_schema_length=None)
    return frame.with_columns(
        shared_windows=pl.lit(windows, dtype=pl.Int64),
        currency=pl.lit(exposed.currency),
        assumed_share=pl.col("assumed_share").cast(pl.Float64),
    ).select(
        *(*KEYS, "expected_annual_loss", "expected_low", "expected_high", "expected_error", "standard_deviation"),
        *("p50", "p90", "p95", "p99", "p95_error", "p99_error", "tail_mean", "incidents_per_year", "cost_per_incident"),
        *("shared_windows", "currency", "assumed_share"),
    )


def _figures(figures: Figures) -> dict[str, Any]:
    said = asdict(figures)
    names = {
        "mean": "expected_annual_loss",
        "mean_low": "expected_low",
        "mean_high": "expected_high",
        "mean_error": "expected_error",
        "sd": "standard_deviation",
    }
    return {names.get(name, name): value for name, value in said.items()}
