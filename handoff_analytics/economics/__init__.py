"""What does prevention cost, and what does recovery cost?

- `ranges`: which values an uncertain number can take.
- `simulation`: what a year can cost, handoff by handoff and in all.
- `loss`: the losses of a history, with their band.
- `measures`: what could be done.
- `cash`: when a measure has paid for itself.
- `prevention`: the case for each measure, also when there is none.
- `choice`: which set of measures saves most within a budget.
- `assumptions`: which numbers rest on somebody's word.
"""
