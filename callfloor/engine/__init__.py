"""The floor on a database and in real time: leases, recovery, the journal, commands. No decisions about calls."""
