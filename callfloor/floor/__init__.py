"""The floor: it dials leads for agents and carries calls through their lives.

`floor.py` is driven by events and never waits: commands go out to the carrier and to `records.py`, and what became
of them comes back. So it runs the same in real time and on a virtual clock. `engine.py` runs it on a database.
"""
