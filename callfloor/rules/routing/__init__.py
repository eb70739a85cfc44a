"""Who is served by whom; the lives of calls and agents as state machines."""
