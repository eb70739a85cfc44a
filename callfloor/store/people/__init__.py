"""SQL of people: users, their passwords, sessions and tokens, roles and teams."""
