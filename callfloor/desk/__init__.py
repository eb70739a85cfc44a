"""`callfloor desk`: an agent's desk in a terminal, on the workspace API as any console is."""
