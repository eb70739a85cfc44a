"""A real Asterisk with SIPp customers and agents, for tests and for the demo. Needs no root and leaves nothing behind.

Not part of the product: nothing in `callfloor` knows it.
"""
