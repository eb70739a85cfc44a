"""The workspace API: what agents and supervisors see and do, live."""
