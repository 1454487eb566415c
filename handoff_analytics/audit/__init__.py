"""Is each handoff ready for production?

- `checks`: what has to be shown, in which of the five areas, for which of the ten stages.
- `entries`: what people, test runs and drills found, kept in the history.
- `declared`: what was declared against what was seen.
- `observed`: what the evidence itself shows of each check.
- `scenarios` and `results`: boundary scenarios to play, and what a test run made of them.
- `propagation`, `consistency`, `compensation`: errors that arrive, states that agree, effects that are undone.
- `readiness`: the verdict as an interval, and the five areas.
- `stages`: the ten stages, in order, with a gate before the approval.
"""
