"""All SQL. The organisation is the first argument of every function; nothing outside writes a statement."""
