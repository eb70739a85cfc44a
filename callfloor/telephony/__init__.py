"""The way to the telephone network: a port (`carrier.py`) and its drivers."""
