"""Every operation: of the Platform API, the contract's and ours, in the contract's order; and of the workspace."""

from __future__ import annotations

from typing import Any

from callfloor.api.admin import (
    audit,
    centre,
    closures,
    explain,
    organisation,
    prompts,
    retention,
    storage,
    things,
    workflow_drafts,
    workflow_trials,
    workflow_versions,
)
from callfloor.api.admin import campaigns as campaign_commands
from callfloor.api.admin import tokens as program_tokens
from callfloor.api.auth import (
    factors,
    me,
    own_tokens,
    passkey_sign_in,
    passkeys,
    second_factor,
    signing_in,
    single_sign_on,
)
from callfloor.api.auth import passwords as auth_passwords
from callfloor.api.auth import people as auth_people
from callfloor.api.auth import sessions as auth_sessions
from callfloor.api.gate import PREFIXES
from callfloor.api.openapi import About, document
from callfloor.api.operation import Operation
from callfloor.api.platform import (
    activities,
    availability,
    campaigns,
    customers,
    dialler_calls,
    do_not_call,
    imports,
    lead_pages,
    leads,
    lists,
    media,
    media_deletion,
    registers,
    users,
)
from callfloor.api.reports import agent_times, figures, saved, what_ifs
from callfloor.api.reports import calls as counted
from callfloor.api.workspace import agents as watched_agents
from callfloor.api.workspace import alerts, commands, drafts, emails, events, phone, session, supervision, tasks, work
from callfloor.api.workspace.floor.operations import get_floor

OPERATIONS: tuple[Operation, ...] = (
    activities.get_activity,
    activities.list_activities,
    phone.list_diagnoses,
    campaigns.get_outbound_statistics,
    campaigns.get_inbound_statistics,
    media.download_media,
    media.get_voicemail,
    media.get_recording,
    lead_pages.list_leads,
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
    dialler_calls.get_attempt,
    dialler_calls.list_attempts,
    dialler_calls.explain_lead,
    users.list_users,
    availability.update_availability,
    media_deletion.delete_media,
    do_not_call.list_do_not_call,
    do_not_call.add_do_not_call,
    do_not_call.lift_do_not_call,
    do_not_call.list_lifted_do_not_call,
    registers.list_registers,
    do_not_call.get_do_not_call,
    do_not_call.lift_do_not_call_entry,
)

WORKSPACE = "/workspace/v1"
WORKSPACE_OPERATIONS: tuple[Operation, ...] = (
    session.get_session,
    session.update_session,
    commands.send_command,
    session.get_own_lead,
    drafts.get_call_draft,
    drafts.put_call_draft,
    drafts.delete_call_draft,
    phone.get_own_phone,
    phone.hold_own_phone,
    phone.add_diagnosis,
    session.list_callbacks,
    session.list_choices,
    events.list_events,
    emails.list_emails,
    emails.take_email,
    emails.get_email,
    emails.download_email_file,
    emails.answer_email,
    emails.save_email_draft,
    emails.return_email,
    emails.transfer_email,
    emails.close_email,
    tasks.list_tasks,
    tasks.take_task,
    tasks.finish_task,
    tasks.return_task,
    tasks.download_message,
    watched_agents.list_agents,
    watched_agents.get_agent_session,
    supervision.send_agent_command,
    supervision.send_caller_command,
    get_floor,
    alerts.list_alerts,
    alerts.acknowledge_alert,
    alerts.silence_alert,
    work.list_work_emails,
    work.list_work_tasks,
    work.list_work_callbacks,
    work.move_email,
    work.move_task,
    work.move_callback,
)
WORKSPACE_ABOUT = About(
    "Callfloor Workspace API",
    "1",
    """\
What an agent's desk shows and does: the session with its call, preview or e-mail, commands, own callbacks, messages
and wishes that callers left; and for supervisors the sessions of agents, the live floor and its alerts.

A token signs in one person: `callfloor token create --user NAME`. Events go on live over a WebSocket at `/events`, with
the token in the Authorization header or in a first message `{"token": "TOKEN"}`; after a lost connection they go on
behind the last sequence that you have, and none is lost or doubled.""",
)

AUTH = "/auth/v1"
AUTH_OPERATIONS: tuple[Operation, ...] = (
    signing_in.get_sign_in_options,
    signing_in.sign_in,
    signing_in.get_sign_in_stage,
    signing_in.sign_out,
    single_sign_on.begin_single_sign_on,
    single_sign_on.finish_single_sign_on,
    second_factor.show_totp,
    passkey_sign_in.begin_to_show_passkey,
    passkey_sign_in.show_passkey,
    second_factor.show_recovery_code,
    me.get_me,
    auth_passwords.change_password,
    auth_passwords.set_password_by_link,
    auth_sessions.list_sessions,
    auth_sessions.end_other_sessions,
    auth_sessions.end_session,
    factors.get_factors,
    factors.begin_totp,
    factors.confirm_totp,
    factors.remove_totp,
    passkeys.begin_passkey,
    passkeys.add_passkey,
    passkeys.remove_passkey,
    factors.renew_recovery_codes,
    own_tokens.list_own_tokens,
    own_tokens.create_own_token,
    own_tokens.revoke_own_token,
    auth_people.list_roles,
    auth_people.list_teams,
    auth_passwords.create_password_link,
    factors.reset_user_factors,
    single_sign_on.forget_user_identities,
    auth_sessions.list_user_sessions,
    auth_sessions.end_user_sessions,
    auth_sessions.end_user_session,
)
AUTH_ABOUT = About(
    "Callfloor Sign-in API",
    "1",
    """\
Who is signed in: sessions, passwords, second factors, tokens of one's own, roles and teams.

`POST /session` opens a session and sets its cookie, which every API takes in place of a token: Platform, workspace and
this one, downloads and WebSockets too. Requests that change something and come with the cookie need the header
`X-Callfloor-CSRF: 1`, and come from a page of this server. Answers that hold a secret are never kept, so an
`Idempotency-Key` does nothing for them.""",
)

ADMIN = "/admin/v1"
ADMIN_OPERATIONS: tuple[Operation, ...] = (
    centre.get_centre,
    centre.plan_centre,
    centre.apply_centre,
    organisation.get_organisation,
    organisation.update_organisation,
    storage.get_storage,
    *things.operations(),
    workflow_versions.list_workflow_versions,
    workflow_versions.get_workflow_version,
    workflow_versions.restore_workflow_version,
    workflow_drafts.get_workflow_draft,
    workflow_drafts.put_workflow_draft,
    workflow_drafts.delete_workflow_draft,
    workflow_drafts.check_workflow_draft,
    workflow_drafts.publish_workflow_draft,
    workflow_trials.draw_workflow,
    workflow_trials.try_workflow,
    prompts.get_prompt_sound,
    prompts.put_prompt_sound,
    prompts.get_prompt_uses,
    prompts.preview_prompt,
    closures.get_closures,
    closures.set_closure,
    closures.list_planned_closures,
    closures.plan_closure,
    closures.get_planned_closure,
    closures.replace_planned_closure,
    closures.remove_planned_closure,
    program_tokens.list_program_tokens,
    program_tokens.create_program_token,
    program_tokens.get_program_token,
    program_tokens.revoke_program_token,
    campaign_commands.send_campaign_command,
    explain.explain_campaign_leads,
    audit.list_audit,
    audit.export_audit,
    audit.verify_audit,
    retention.get_retention,
    retention.put_retention,
    retention.start_retention,
    retention.list_retention_runs,
    retention.list_legal_holds,
    retention.place_legal_hold,
    retention.lift_legal_hold,
)
ADMIN_ABOUT = About(
    "Callfloor Administration API",
    "1",
    """\
All that administrators set: as the centre file, read, planned and applied, and thing by thing; campaigns while they
run: started, stopped, and given lines and weights, each with a dry run; the audit: who did what, when, whence;
retention and legal holds; versions and drafts of workflows, closures, sounds of prompts, tokens of programs. A change
of one thing is checked and applied as the piece of a centre file that says it; names identify, and never change.

Requests are authorised and refused, and retried with an `Idempotency-Key`, as those of the Platform API.""",
)

REPORTS = "/reports/v1"
REPORT_OPERATIONS: tuple[Operation, ...] = (
    figures.get_figures,
    figures.list_measures,
    counted.list_counted_calls,
    agent_times.get_agent_times,
    saved.list_saved_reports,
    saved.create_saved_report,
    saved.get_saved_report,
    saved.put_saved_report,
    saved.delete_saved_report,
    saved.run_saved_report,
    saved.list_report_deliveries,
    what_ifs.get_measured,
    what_ifs.list_what_ifs,
    what_ifs.create_what_if,
    what_ifs.get_what_if,
    what_ifs.delete_what_if,
)
REPORT_ABOUT = About(
    "Callfloor Reports API",
    "1",
    """\
What was: figures of calls, e-mails and agents' time by intervals and groups, exact at the moment of asking, and what
each agent did, to the second; and what would be: simulations of campaigns. Each figure is defined in the documents'
page of figures.

Requests are authorised and refused as those of the Platform API.""",
)

# Every API by the prefix that documents name.
APIS: dict[str, tuple[Operation, ...]] = {
    PREFIXES[0]: OPERATIONS,
    WORKSPACE: WORKSPACE_OPERATIONS,
    AUTH: AUTH_OPERATIONS,
    ADMIN: ADMIN_OPERATIONS,
    REPORTS: REPORT_OPERATIONS,
}


def documents() -> dict[str, dict[str, Any]]:
    """The OpenAPI document of each prefix."""
    found = {prefix: document(OPERATIONS, prefix) for prefix in PREFIXES}
    return found | {
        WORKSPACE: document(WORKSPACE_OPERATIONS, WORKSPACE, WORKSPACE_ABOUT),
        ADMIN: document(ADMIN_OPERATIONS, ADMIN, ADMIN_ABOUT),
        REPORTS: document(REPORT_OPERATIONS, REPORTS, REPORT_ABOUT),
        AUTH: document(AUTH_OPERATIONS, AUTH, AUTH_ABOUT),
    }
