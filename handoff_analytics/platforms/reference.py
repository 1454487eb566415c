"""What does the article say of each platform type?"""

from __future__ import annotations

import csv
from importlib.resources import files

import polars as pl

ATTRIBUTION = (
    "After the platform table of The End-to-End Automation Handoff Failure Pattern, by the Decryptd Team; reworded. "
    "A claim about capabilities, not a measurement."
)
ASPECTS = ("visibility", "propagation", "rollback", "recovery")


def platform_claims() -> pl.DataFrame:
    """Return the article's table of four platform types and four capabilities, in our words.

    Returns
    -------
    polars.DataFrame
        Four rows, in the article's order.

        =========== ====== ===============================================================
        platform    String ipaas, low_code, custom or orchestrator
        title       String the platform type in words
        visibility  String how far handoffs can be seen
        propagation String how errors are passed on
        rollback    String how far work can be undone
        recovery    String how failures are recovered from
        attribution String whose claim this is
        =========== ====== ===============================================================

    Notes
    -----
    The table lies in ``platforms/reference.csv`` and may be edited; it is never mixed with what was measured.

    Examples
    --------
    >>> platform_claims()["platform"].to_list()
    ['ipaas', 'low_code', 'custom', 'orchestrator']
    """
    text = files(__package__).joinpath("reference.csv").read_text(encoding="utf-8")
    return pl.DataFrame(list(csv.DictReader(text.splitlines()))).with_columns(attribution=pl.lit(ATTRIBUTION))
