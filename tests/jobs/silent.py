"""A program that takes what it is told, and never answers."""

import sys

for _ in sys.stdin:
    pass
