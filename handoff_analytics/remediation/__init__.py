"""What should be repaired, within which budget, and did it help?

- `planning`: which measures fit the budget.
- `suggestions`: which measure is usual for a way of failing.
- `worklist`: what is to be repaired, by whom, with which measure, for what.
- `exports`: the list for spreadsheets, trackers and documents.
- `entries`: what is being done.
- `realised`: what it saved, against what was expected.
"""
