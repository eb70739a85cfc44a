"""The command line: one file a group of commands. Prints and asks; what is done is decided elsewhere."""
