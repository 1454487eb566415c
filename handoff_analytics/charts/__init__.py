"""How is a finding told in a picture? Each chart takes the frame of a measure, says its finding, and computes nothing.

Charts draw themselves offline in JupyterLab, in widgets, in exported HTML and in files.
"""

from .network import graph, matrix
from .page import save
from .priorities import ranking
from .renderer import enable
from .theme import use

__all__ = ["enable", "graph", "matrix", "ranking", "save", "use"]

enable()
