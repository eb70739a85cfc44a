"""Which leads are dialled next, out of the database, and why one is not."""
