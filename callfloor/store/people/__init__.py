"""SQL of people: users, and the tokens that let them in."""
