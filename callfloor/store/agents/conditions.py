"""Conditions that several statements about agents (`u`, and `s` their states) share."""

IN_CALL = "s.state IN ('dialling', 'on-call', 'on-wrap')"
# Whom supervisors see: of a closed account until the call that goes on is over.
SEEN = f"(u.account_active OR {IN_CALL})"
