"""What all SQL stands on: connections, transactions, pages, leases, migrations. Nothing of a subject."""
