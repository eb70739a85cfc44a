"""The embedded PostgreSQL: its folder, its processes, its dumps. No SQL of the product."""
