"""Every operation of the Platform API, the contract's and ours, in the contract's order."""

from __future__ import annotations

from callfloor.api import (
    activities,
    admin,
    attempts,
    availability,
    campaigns,
    customers,
    imports,
    leads,
    lists,
    media,
    users,
)
from callfloor.api.operation import Operation

OPERATIONS: tuple[Operation, ...] = (
    activities.get_activity,
    activities.list_activities,
    campaigns.get_outbound_statistics,
    campaigns.get_inbound_statistics,
    media.download_media,
    media.get_voicemail,
    media.get_recording,
    leads.list_leads,
    leads.create_lead,
    lists.list_lists,
    lists.create_list,
    lists.get_list,
    lists.update_list,
    imports.create_import,
    imports.create_import_without_slash,
    imports.get_import,
    imports.list_import_errors,
    leads.get_lead,
    leads.update_lead,
    leads.delete_lead,
    customers.erase_customer,
    attempts.get_attempt,
    attempts.list_attempts,
    attempts.explain_lead,
    users.list_users,
    availability.update_availability,
    admin.delete_media,
)
