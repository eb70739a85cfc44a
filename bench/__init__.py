"""Benchmarks: each row of docs/benchmarks.md is one command, `python -m bench ROW [--size N]`.

A row makes its own data, runs the bound (the cheapest thing that could do the same work) and the product in turn, and
prints their ratio. Absolute figures depend on the machine; ratios of one run are what counts.
"""
