"""The live floor: what supervisors see of everything that goes on."""
