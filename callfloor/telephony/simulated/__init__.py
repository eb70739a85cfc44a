"""The carrier without a network: simulated customers, their behaviour and their sound."""
