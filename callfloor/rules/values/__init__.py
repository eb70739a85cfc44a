"""Values and what they must be: phones, times, zones, names, leads; every fault in words."""
