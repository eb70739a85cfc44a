"""The operations of reports: what was, by whom and when."""
