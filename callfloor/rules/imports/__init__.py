"""What a file of leads says: its form, its columns, its rows, its report."""
