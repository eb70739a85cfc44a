"""The floor: it dials leads for agents and carries calls through their lives.

Driven by events, it never waits: commands go out to the carrier and to what stands behind `ports/`, and what became of
them comes back. So it runs the same in real time (`engine/`) and on a virtual clock (`simulation/`). No store, no event
loop, no concrete carrier.
"""
