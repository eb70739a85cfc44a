"""Benchmarks: each row of docs/benchmarks.md is one command, `python -m bench ROW [--size N]`.

A row makes its own data, runs the bound (the cheapest thing that could do the same work) and the product in turn, and
prints their ratio. Absolute figures depend on the machine; ratios of one run are what counts.
"""

import os

from callfloor import master_key
from callfloor.settings import Settings

# of this process, and of the servers that it starts
os.environ.setdefault("CALLFLOOR_MASTER_KEY", "00" * 32)
_keys = master_key.read(Settings())
if _keys is not None:
    master_key.use(_keys)
