"""The keys of a centre file, in the order in which they are written, and the attribute of the model behind each."""

from __future__ import annotations

ORGANISATION = {"name": "name", "timezone": "timezone", "country": "country"}
USER = {
    "username": "username",
    "firstName": "first_name",
    "lastName": "last_name",
    "emailAddress": "email_address",
    "type": "user_type",
    "timezone": "timezone",
    "accountActive": "account_active",
}
# besides agents, lists and wrapCodes, which are things of their own
CAMPAIGN = {
    "name": "name",
    "direction": "direction",
    "mode": "mode",
    "timezone": "timezone",
    "active": "active",
    "numbers": "numbers",
    "maxAttempts": "max_attempts",
    "callingHours": "calling_hours",
}
LIST = {"name": "name", "inDialler": "in_dialler", "weight": "weight"}
