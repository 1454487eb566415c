"""What do plain numbers say, whatever they count?

None of these modules knows a handoff, a history or a table: arrays go in, values come out.

- `priors`, `posterior`, `credibility`: what is usual, what is believed of one after its evidence.
- `bursts`: how much more events cluster than independent ones would.
- `rates`, `sequential`: whether a rate has changed; when a count has risen, while it runs.
- `multiple`, `ranks`: which of many findings hold; where each stands.
- `survival`, `ranges`: how long it lasts, unended included; which values an uncertain number takes.
"""
