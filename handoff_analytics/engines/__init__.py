"""What if the evidence is more than one machine can hold?

- `spark`: an engine that speaks Spark Connect, and the tables that it is shown.
- `reduction`: the model's own SQL run there, and what comes back made into a history here.
"""
