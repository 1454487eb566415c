"""How does one look around in a history by hand?"""

from .exploring import Explorer, explore

__all__ = ["Explorer", "explore"]
