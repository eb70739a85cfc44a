"""SQL of agents: presence, what their desks show and what they ask for."""
