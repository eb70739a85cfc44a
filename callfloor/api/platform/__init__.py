"""The Platform API v3.0 (shared by its users as the contract): one file a group of operations. No SQL, no decisions."""
