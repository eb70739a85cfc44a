"""The keys of a centre file, in the order in which they are written, and the attribute of the model behind each."""

from __future__ import annotations

ORGANISATION = {
    "name": "name",
    "timezone": "timezone",
    "country": "country",
    "newNumberRanges": "new_number_ranges",
    "doNotCall": "do_not_call",
    "destinations": "destinations",
    "secondFactor": "second_factor",
    "deskGoneSeconds": "desk_gone_s",
    "tellOfMonitoring": "tell_of_monitoring",
    "reportRecipients": "report_recipients",
    "singleSignOn": "single_sign_on",
    "retention": "retention",
}
USER = {
    "username": "username",
    "firstName": "first_name",
    "lastName": "last_name",
    "emailAddress": "email_address",
    "type": "user_type",
    "timezone": "timezone",
    "accountActive": "account_active",
    "skills": "skills",
    "roles": "roles",
    "phoneWithoutDesk": "phone_without_desk",
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
    "retention": "retention",
}
LIST = {"name": "name", "inDialler": "in_dialler", "weight": "weight", "strategy": "strategy"}
# of an outbound campaign's dialling
DIALLING = {
    "regime": "regime",
    "contactHours": "contact_hours",
    "holidays": "holidays",
    "strategy": "strategy",
    "maxAttemptsPerNumber": "max_attempts_per_number",
    "maxAttemptsPerDay": "max_attempts_per_day",
    "abandonmentCap": "abandonment_cap",
    "graceSeconds": "grace_seconds",
    "ringSeconds": "ring_seconds",
    "wrapUpSeconds": "wrap_up_seconds",
    "wrapUpExtensionSeconds": "wrap_up_extension_seconds",
    "wrapUpExtensions": "wrap_up_extensions",
    "transferWaitSeconds": "transfer_wait_seconds",
    "returnAfterMinutes": "return_after_minutes",
    "defaultWrapCode": "default_wrap_code",
    "conversionWrapCodes": "conversion_wrap_codes",
    "previewSeconds": "preview_seconds",
    "previewTimeout": "preview_timeout",
    "answeringMachines": "answering_machines",
    "personsTakenForMachines": "persons_taken_for_machines",
    "record": "record",
    "maxLines": "max_lines",
    "newLeads": "new_leads",
    "doNotCall": "do_not_call",
    "registerWash": "register_wash",
}
# those that an inbound campaign has too
OF_EVERY_CALL = frozenset(
    {
        "wrapUpSeconds", "wrapUpExtensionSeconds", "wrapUpExtensions", "transferWaitSeconds", "defaultWrapCode",
        "conversionWrapCodes", "record", "newLeads", "doNotCall", "returnAfterMinutes",
    }
)  # fmt: skip
# of an inbound campaign's queue
QUEUE = {
    "skills": "skills",
    "relaxSkillsSeconds": "relax_skills_seconds",
    "serviceLevelSeconds": "service_level_seconds",
    "maxWaitSeconds": "max_wait_seconds",
    "maxLength": "max_length",
    "overflow": "overflow",
    "priority": "priority",
    "agingSeconds": "aging_seconds",
    "announceSeconds": "announce_seconds",
    "announcePosition": "announce_position",
    "announceWait": "announce_wait",
    "agentRingSeconds": "agent_ring_seconds",
    "survey": "survey",
    "music": "music",
    "shortestVoicemailSeconds": "shortest_voicemail_seconds",
}
PROMPT = {"name": "name", "text": "text", "language": "language", "file": "file"}
# besides the steps
WORKFLOW = {"name": "name", "numbers": "numbers", "start": "start"}
# besides the status
OUTCOME = {
    "recycleMinutes": "recycle_minutes",
    "completeAfter": "complete_after",
    "priority": "priority",
    "recycleOnStart": "recycle_on_start",
}
