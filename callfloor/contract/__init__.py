"""The types of every API, and the code tables. What is here is promised to integrators; nothing here decides."""
