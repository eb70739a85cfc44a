"""The operations of administrators and supervisors: campaigns while they run."""
