"""What an erasure does with every column that can hold a text. docs/erasure.md shows this table; a test holds both
against the schema, so that no column can be added without a rule."""

from __future__ import annotations

from collections.abc import Iterator

# Where a customer stands, or may be mentioned: table, columns, what becomes of them.
PERSONAL: tuple[tuple[str, str, str], ...] = (
    (
        "leads",
        "phone1 phone2 phone3 customer_key data identifiers",
        "the customer's rows are deleted; in others' `customer_key` and `data` the customer is scrubbed",
    ),
    ("lead_skips", "reason", "goes with the customer's leads; others' is scrubbed"),
    ("attempts", "phone_number", "emptied"),
    (
        "activities",
        "contact email survey outside_number",
        "emptied, `erased_at` says when; of a survey started, time and workflow stay. `outside_number` also of others'"
        " calls that were given to the number. Others' `email` is scrubbed; the name beside an address goes too",
    ),
    ("evidence", "personal", "emptied; the commitments in the record stay"),
    (
        "emails",
        "message_id ancestors reply_to cc body_text draft copy_media_ids identifiers",
        "emptied; it waits for nobody any more. Others' are scrubbed; attachments that say the same as it came (HTML,"
        " whole texts, messages in the message), out of which nothing can be taken, are destroyed and not counted",
    ),
    ("outgoing_mail", "recipient", "answers to the customer are deleted: what was not sent yet is not sent"),
    (
        "media",
        "sha256 file_name deletion_reason",
        "emptied; the reason is `customer erasure`, and `deleted_by` the token, unless it was deleted before. Others'"
        " `file_name` and `deletion_reason` are scrubbed",
    ),
    ("blob_deletions", "sha256", "gone with the bytes"),
    ("import_chunks", "payload", "the customer's rows are taken out and count as skipped; others' are scrubbed"),
    ("import_errors", "errors source", "the customer's rows are deleted; others' are scrubbed"),
    ("imports", "header failure", "scrubbed (a CSV file without a header row)"),
    ("idempotency_keys", "headers body", "answers that show an erased, scrubbed or formerly matching lead are deleted"),
    (
        "do_not_call",
        "phone_number reason",
        "the customer's are emptied; the keyed hash keeps the number blocked. Others' `reason` is scrubbed",
    ),
    (
        "do_not_call_lifted",
        "phone_number reason lift_reason",
        "the customer's are emptied; the keyed hash stays. Others' reasons are scrubbed",
    ),
    ("workspace_sessions", "at_hand email", "what stands on agents' desks is scrubbed"),
    ("workspace_events", "at_hand email reason", "what stood there within the hour is scrubbed"),
    ("legal_holds", "reason", "scrubbed, of holds that were lifted too"),
    ("call_drafts", "content", "what agents typed on calls and did not send is scrubbed; kept for a day"),
    ("call_diagnoses", "content", "what agents complained of a call's sound is scrubbed; kept for 90 days"),
    ("workspace_commands", "command refusal", "what is being asked of the floor is scrubbed; kept for minutes"),
    ("agent_states", "reason", "scrubbed"),
    ("agent_times", "reason", "scrubbed: of every pause that there was"),
    (
        "report_sums",
        "key_text",
        "sums of pauses whose reason mentions the customer are deleted, and counted anew from `agent_times`; else our"
        " own numbers",
    ),
)
# Not searched, and why.
KEPT: tuple[tuple[str, str, str], ...] = (
    ("emails", "delivery_hash", "a keyed hash that keeps the same message from coming again"),
    ("idempotency_keys", "key_hash request_hash", "keyed hashes"),
    ("do_not_call", "register source", "the operator's word, and one of a closed set"),
    ("do_not_call_lifted", "number_hash register source lift_source", "as in `do_not_call`"),
    ("do_not_call_registers", "name", "the operator's word"),
    ("organisations", "do_not_call", "one of a closed set"),
    ("do_not_call", "number_hash", "a keyed hash: the wish not to be called outlives the data"),
    ("workspace_commands", "key_hash", "a keyed hash"),
    ("evidence", "public packed previous_hash hash", "commitments and hashes; nothing personal"),
    ("evidence_days", "previous head signature", "hashes"),
    ("erasures", "certificate", "holds no personal data"),
    (
        "audit_entries",
        "actor_type actor_name address action object_type object_ids object_name details previous_hash hash",
        "who of the operator did what: ids, counts and settings, nothing of a customer",
    ),
    ("legal_holds", "object_type", "one of a closed set"),
    ("retention_rules", "kind", "one of a closed set"),
    ("retention_runs", "counts", "figures"),
    ("audit_days", "previous head signature", "hashes"),
    ("audit_heads", "hash signature", "hashes"),
    ("activities", "own_contact recording_parts", "ours: the number that was called or shown, our address"),
    ("mailboxes", "name address imap send", "our own addresses and accounts"),
    ("users", "username first_name last_name full_name email_address timezone roles", "agents' and users' own data"),
    ("roles", "name scopes", "the operator's words"),
    ("teams", "name", "the operator's words"),
    ("passwords", "password_hash", "agents' and users' own: a slow hash"),
    ("password_links", "secret_hash", "a hash"),
    (
        "sign_in_sessions",
        "secret_hash address user_agent factor sign_out_uri",
        "agents' and users' own, until the session ends",
    ),
    ("totp_secrets", "wrapped master_id", "agents' and users' own, wrapped"),
    ("recovery_codes", "code_hash", "a hash"),
    ("passkeys", "name credential_id public_key transports", "agents' and users' own, and the public half of a key"),
    ("identities", "issuer subject", "agents' and users' own, at a provider"),
    ("spent_challenges", "challenge_hash", "a hash, for minutes"),
    ("sign_in_failures", "key_hash", "a hash; for a day"),
    ("user_skills", "skill", "the operator's words"),
    (
        "organisations",
        "name hash_key signing_key function_key new_number_ranges destinations second_factor report_recipients"
        " single_sign_on",
        "the operator's name, keys, policy and addresses",
    ),
    ("organisation_keys", "purpose key_id public_key wrapped master_id", "the operator's keys, wrapped"),
    ("tokens", "name secret_hash scopes", "the operator's words"),
    ("campaigns", "name numbers calling_hours dialling queue", "the operator's words and own numbers"),
    ("lists", "name strategy", "the operator's words: do not name a list after a customer"),
    ("strategies", "name outcomes", "the operator's words"),
    ("workflows", "name numbers start steps", "the operator's words and own numbers"),
    (
        "workflow_versions",
        "numbers start steps actor_type actor_name",
        "the operator's words and own numbers, and who of the operator wrote them",
    ),
    ("workflow_drafts", "content actor_type actor_name", "as in `workflow_versions`"),
    ("planned_closures", "name", "the operator's words"),
    ("prompts", "name text language file sha256", "the operator's words"),
    ("sounds", "sha256 content", "the operator's recordings"),
    ("wrap_codes", "description", "the operator's words"),
    ("lead_statuses", "description", "the operator's words"),
    ("survey_answers", "question", "the operator's words; the answer is a number"),
    ("import_chunks", "line_numbers", "figures"),
    ("identifier_renewals", "source", "the name of a table"),
    ("floor_nodes", "name", "names of engines, telephone servers and trunks"),
    ("floor_alarms", "reason", "one of a closed set; for a day"),
    ("what_ifs", "reason question assumptions points", "figures of campaigns, which hold nobody"),
    ("alert_rules", "name severity mailbox recipients", "the operator's words, and addresses of its people"),
    ("alerts", "rule severity subject about", "the operator's words, names of campaigns, nodes and limits"),
    ("alert_silences", "rule", "the operator's words"),
    ("alert_watches", "standings", "names of rules, ids of campaigns and agents, and times"),
    ("report_sums", "facet", "one of a closed set"),
    ("saved_reports", "name shared query schedule", "the operator's words, and addresses of its people"),
    (
        "report_deliveries",
        "state mailbox recipients sent_to reason subject file_name file",
        "the operator's words and people; figures, which hold nobody, until they are sent",
    ),
    ("report_quarters", "digest", "a hash of figures"),
    ("report_progress", "days_zone", "the name of a zone"),
    ("schema_migrations", "name sha256 identity held_why", "of this program"),
)
# Words of closed sets and zones: columns of these names hold nothing else, in any table.
CLOSED = frozenset(
    {
        "automatic",
        "content_type",
        "country",
        "delivery",
        "direction",
        "format",
        "kind",
        "language",
        "leg_type",
        "mode",
        "duplicate_phone_in",
        "on_duplicate",
        "on_duplicate_phone",
        "outcome_type",
        "receive",
        "recording_status",
        "state",
        "status",
        "timezone",
        "type",
        "user_type",
        "wanted_state",
    }
)


def columns() -> Iterator[tuple[str, str]]:
    """Every table and column that has a rule of its own."""
    for table, names, _ in (*PERSONAL, *KEPT):
        for name in names.split():
            yield table, name


def document() -> str:
    """The tables of docs/erasure.md."""
    lines = ["| table | columns | erasure |", "| --- | --- | --- |"]
    lines += [_line(*rule) for rule in PERSONAL]
    lines += ["", "Not searched:", "", "| table | columns | because |", "| --- | --- | --- |"]
    lines += [_line(*rule) for rule in KEPT]
    return "\n".join(lines)


def _line(table: str, names: str, rule: str) -> str:
    return f"| {table} | {', '.join(f'`{name}`' for name in names.split())} | {rule} |"
