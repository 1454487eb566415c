"""What does prevention cost, and what does recovery cost?

- `simulation`: what a year can cost, handoff by handoff and in all.
- `loss`: the losses of a history, with their band.
- `exposure`: what stands to be lost, taken apart.
- `measures` and `effects`: what could be done, and what it does to which part of the loss.
- `cash`: when a measure has paid for itself.
- `case`, `prevention`, `sensitivity`, `flow`: the case for each measure, also when there is none.
- `choice`: which set of measures saves most within a budget.
- `assumptions`: which numbers rest on somebody's word.
"""
