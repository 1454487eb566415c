"""How are the tests of properties run?"""

import os

from hypothesis import settings

# A busy machine is slow, not wrong. On CI the examples are the same each time: what lands there depends on the commit alone.
settings.register_profile("house", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("house")
