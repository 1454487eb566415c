"""How do platform types compare, once volume and mix are allowed for?

- `reference`: what the article says of each platform type, with attribution.
- `regression`: negative binomial regression, the method behind the comparison.
- `comparison`: what the history shows of each platform type, beside what the article says.
- `scaling`: whether failures grow faster than volume or the number of workflows.
"""
