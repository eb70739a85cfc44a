"""The audit: entries written with what they record, their chain, and what auditors read."""
