"""What calls, e-mails and agents' times come to, by quarter-hours: each definition of docs/figures.md once, as SQL.

A leg counts in the quarter-hour in which it was created (an attempt: dialled), what it waited in that in which it
joined the queue, and an agent's time in each that it lies in. Sums stand by facet: by campaign, and by one of agent,
list, wrap code (with agent and list), dial status, our number, and reason of a pause (with agent) besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from callfloor.contract.codes import ActivityStatus, DialStatus
from callfloor.rules.figures.sums import GREATEST, SUMS, Sum

# No call lasts longer: the bounds on created_at leave older partitions out.
_LONGEST = "interval '31 days'"
QUARTER = "interval '15 minutes'"
_KEPT_WITHIN = "interval '15 minutes'"


def quarter(at: str) -> str:
    """SQL of the beginning of the quarter-hour that a moment lies in."""
    return f"quarter_of({at})"


def was_in(team: str, agent: str, at: str) -> str:
    """SQL of whether an agent was in a team of `team_times`, of $1, at a moment."""
    return f"""{team}.organisation_id = $1 AND {team}.agent_id = {agent} AND {team}.since <= {at}
        AND ({team}.until IS NULL OR {team}.until > {at})"""


def _is(condition: str) -> str:
    return f"({condition})::int"


_KIND = """coalesce(a.leg_type,
    CASE WHEN a.parent_activity_id IS NULL OR a.dial_status IS NOT NULL THEN 'first' ELSE 'transfer' END)"""
_CALL = "a.type LIKE 'call.%'"
_INBOUND = "a.type = 'call.inbound'"
_ATTEMPT = "a.type = 'call.outbound' AND a.dial_status IS NOT NULL"
_BY_AGENT = f"{_CALL} AND a.answered_at IS NOT NULL AND a.hang_up_at IS NOT NULL AND a.agent_id IS NOT NULL"
_CONVERTED = """EXISTS (SELECT FROM conversion_codes v WHERE v.organisation_id = $1
    AND v.campaign_id = a.campaign_id AND v.code = a.wrap_code AND v.since <= a.created_at
    AND (v.until IS NULL OR v.until > a.created_at))"""
_TALKED = "seconds_between(a.answered_at, a.hang_up_at)"
_ANSWERED_EMAIL = "a.type = 'email.inbound' AND a.answered_at IS NOT NULL"
# A promise that was not kept to by this call is the lead's again (store/calls/attempts.py): it was not made yet.
_CALLBACK = f"""t.callback_at IS NOT NULL AND t.dial_status NOT IN ({DialStatus.DIALLING:d}, {DialStatus.TELCO_ERROR:d},
    {DialStatus.CANCELLED:d}, {DialStatus.REFUSED:d})
    AND NOT (t.callback_at > coalesce(t.hang_up_at, 'infinity') AND t.connect_delay_ms IS NULL)"""
_FIRST = """t.lead_id IS NOT NULL AND a.dial_status IS NOT NULL AND coalesce(t.first_of_lead, NOT EXISTS (
    SELECT FROM attempts e WHERE e.organisation_id = $1 AND e.lead_id = t.lead_id
        AND e.dialled_at < t.dialled_at))"""

# By created_at. `t`: the attempt that the leg, or an earlier one of its call, was dialled by.
LEGS: Mapping[str, str] = {
    "attempts": _is(_ATTEMPT),
    "live_answers": _is(f"{_ATTEMPT} AND a.dial_status IN ({DialStatus.ANSWERED:d}, {DialStatus.ABANDONED:d})"),
    "connects": _is(f"{_ATTEMPT} AND a.connect_delay_ms IS NOT NULL"),
    "connect_delay_ms": f"CASE WHEN {_ATTEMPT} THEN a.connect_delay_ms END",
    "abandoned": _is(f"{_ATTEMPT} AND a.dial_status = {DialStatus.ABANDONED:d}"),
    "first_dialled": _is(_FIRST),
    "callbacks_made": _is(f"a.dial_status IS NOT NULL AND {_CALLBACK}"),
    "callbacks_kept": _is(
        f"a.dial_status IS NOT NULL AND {_CALLBACK} AND t.dialled_at <= t.callback_at + {_KEPT_WITHIN}"
    ),
    "received": _is(f"{_INBOUND} AND (a.parent_activity_id IS NULL OR a.join_queue_at IS NOT NULL"
        " AND a.leg_type IS DISTINCT FROM 'return')"),
    "abandoned_in_workflow": _is(f"{_INBOUND} AND a.status_id = {ActivityStatus.ABANDONED_IN_WORKFLOW:d}"),
    "abandoned_in_queue": _is(f"{_INBOUND} AND a.status_id = {ActivityStatus.ABANDONED_IN_QUEUE:d}"),
    "missed": _is(f"{_INBOUND} AND a.status_id = {ActivityStatus.MISSED:d}"),
    "overflowed": _is(f"{_INBOUND} AND a.status_id = {ActivityStatus.OVERFLOWED:d}"),
    "voicemails": _is(f"{_INBOUND} AND a.status_id = {ActivityStatus.VOICEMAIL:d}"),
    "handled": _is(f"{_BY_AGENT} AND a.leg_type IS DISTINCT FROM 'consult'"),
    "conversions": _is(f"{_BY_AGENT} AND a.leg_type IS DISTINCT FROM 'consult' AND {_CONVERTED}"),
    "talk_s": f"CASE WHEN {_BY_AGENT} THEN {_TALKED} - least(a.hold_s, {_TALKED}) END",
    "hold_s": f"CASE WHEN {_BY_AGENT} THEN least(a.hold_s, {_TALKED}) END",
    "wrap_s": f"CASE WHEN {_BY_AGENT} THEN seconds_between(a.hang_up_at, a.wrap_up_at) END",
    "transfers_in": _is(f"{_CALL} AND {_KIND} = 'transfer'"),
    "emails_received": _is("a.type = 'email.inbound' AND a.parent_activity_id IS NULL"),
    "emails_answered": _is(_ANSWERED_EMAIL),
    "email_response_s": f"CASE WHEN {_ANSWERED_EMAIL} THEN seconds_between(a.created_at, a.answered_at) END",
    "emails_written": _is("a.type = 'email.outbound'"),
}  # fmt: skip
# By join_queue_at. `w.wait_s`: until somebody answered, or the caller left.
WAITS: Mapping[str, str] = {
    "waited": "1",
    "waiting_s": "w.wait_s",
    "longest_wait_s": "w.wait_s",
    "in_time": _is("w.answered_at IS NOT NULL AND w.wait_s <= w.service_level_s"),
    "too_late": _is(f"w.status_id = {ActivityStatus.MISSED:d} OR w.wait_s > w.service_level_s"),
    "abandoned_before": _is(f"w.status_id = {ActivityStatus.ABANDONED_IN_QUEUE:d} AND w.wait_s <= w.service_level_s"),
    "abandoned_after": _is(f"w.status_id = {ActivityStatus.ABANDONED_IN_QUEUE:d} AND w.wait_s > w.service_level_s"),
}
_GIVEN: Mapping[str, str] = {"transfers_out": "1"}
_TIMES: Mapping[str, str] = {
    f"{state.replace('-', '_')}_s": f"CASE WHEN n.state = '{state}' THEN n.seconds END"
    for state in ("ready", "dialling", "on-call", "on-wrap", "paused")
}

# What each facet stands by besides the campaign, and which rows have a place in it.
_KEYS: Mapping[str, tuple[str, str]] = {
    "campaign": ("0, 0, 0, ''", "true"),
    "agent": ("e.agent_id, 0, 0, ''", "true"),
    "list": ("e.list_id, 0, 0, ''", "true"),
    "wrap": ("e.wrap_code, e.agent_id, e.list_id, ''", "e.handled > 0 OR e.talk_s IS NOT NULL OR e.connects > 0"),
    "dial": ("e.dial_status, 0, 0, ''", "e.attempts > 0"),
    "number": ("0, 0, 0, e.number", "true"),
    "pause": ("e.agent_id, 0, 0, e.reason", "e.paused_s > 0"),
}
KEYS = ("facet", "begins_at", "campaign_id", "key_a", "key_b", "key_c", "key_text")


_OF_NONE = {
    "agent_id": "0::bigint",
    "list_id": "0::bigint",
    "wrap_code": "0",
    "dial_status": "-1",
    "number": "''",
    "reason": "''",
}


def _part(begins: str, keys: Mapping[str, str], measures: Mapping[str, str], source: str) -> str:
    """One of the sources of facts, with every column that the others have."""
    columns = [f"{keys.get(name, default)} AS {name}" for name, default in _OF_NONE.items()]
    columns += [f"{measures.get(name, 'NULL::int')} AS {name}" for name in SUMS]
    return f"SELECT {begins} AS begins_at, {keys['campaign_id']} AS campaign_id, {', '.join(columns)} {source}"


OF_LEG = {
    "campaign_id": "a.campaign_id",
    "agent_id": "coalesce(a.agent_id, 0)",
    "list_id": "coalesce(t.list_id, 0)",
    "wrap_code": "coalesce(a.wrap_code, 0)",
    "dial_status": "coalesce(a.dial_status, -1)",
    "number": "coalesce(a.own_contact, '')",
}
# $1 the organisation; $2 and $3 where the ranges of whole quarter-hours begin and end; $4 the moment, up to which
# agents' times that go on are counted.
_RANGES = "unnest($2::timestamptz[], $3::timestamptz[]) AS r (lo, hi)"
LEG_SOURCE = f"""FROM {_RANGES}
    JOIN activities a ON a.organisation_id = $1 AND a.created_at >= r.lo AND a.created_at < r.hi
    LEFT JOIN attempts t ON t.organisation_id = $1 AND t.attempt_id = a.attempt_id
        AND t.dialled_at <= a.created_at AND t.dialled_at > a.created_at - {_LONGEST}"""
WAITS_SOURCE = f"""FROM (
        SELECT a.*, (SELECT v.seconds FROM service_levels v
                WHERE v.organisation_id = $1 AND v.campaign_id = a.campaign_id AND v.since <= a.join_queue_at
                ORDER BY v.since DESC LIMIT 1) AS service_level_s,
            seconds_between(a.join_queue_at, coalesce(a.answered_at, a.left_queue_at, a.hang_up_at)) AS wait_s
        FROM {_RANGES} CROSS JOIN campaigns c
        JOIN activities a ON a.organisation_id = $1 AND a.campaign_id = c.campaign_id AND a.join_queue_at >= r.lo
            AND a.join_queue_at < r.hi AND a.created_at < r.hi AND a.created_at >= r.lo - {_LONGEST}
        WHERE c.organisation_id = $1 AND {_INBOUND}
            AND coalesce(a.answered_at, a.left_queue_at, a.hang_up_at) IS NOT NULL
    ) AS w"""
# `p`: the leg that went over into this one.
GIVEN_SOURCE = f"""FROM {_RANGES}
    JOIN activities a ON a.organisation_id = $1 AND a.created_at >= r.lo AND a.created_at < r.hi
    JOIN activities p ON p.organisation_id = $1 AND p.activity_id = a.parent_activity_id
        AND p.created_at <= a.created_at AND p.created_at > a.created_at - {_LONGEST}"""
GIVEN_WHERE = f"{_CALL} AND {_KIND} IN ('transfer', 'outside') AND p.agent_id IS NOT NULL"
_PARTS = (
    _part(
        quarter("a.created_at"),
        OF_LEG,
        LEGS,
        LEG_SOURCE,
    ),
    _part(
        quarter("w.join_queue_at"),
        {
            "campaign_id": "w.campaign_id",
            "agent_id": "coalesce(w.agent_id, 0)",
            "number": "coalesce(w.own_contact, '')",
        },
        WAITS,
        WAITS_SOURCE,
    ),
    _part(
        quarter("a.created_at"),
        {"campaign_id": "p.campaign_id", "agent_id": "p.agent_id", "number": "coalesce(p.own_contact, '')"},
        _GIVEN,
        f"{GIVEN_SOURCE} WHERE {GIVEN_WHERE}",
    ),
    _part(
        "n.begins_at",
        {"campaign_id": "coalesce(n.campaign_id, 0)", "agent_id": "n.agent_id", "reason": "coalesce(n.reason, '')"},
        _TIMES,
        f"""FROM (
            SELECT q AS begins_at, s.agent_id, s.campaign_id, s.state, s.reason,
                seconds_between(greatest(s.began_at, q), least(coalesce(s.ended_at, $4::timestamptz), q + {QUARTER}))
                    AS seconds
            FROM {_RANGES}
            CROSS JOIN users u
            JOIN agent_times s ON s.organisation_id = $1 AND s.agent_id = u.user_id AND s.began_at < r.hi
                AND coalesce(s.ended_at, $4::timestamptz) > r.lo
                AND s.began_at >= coalesce((SELECT max(o.began_at) FROM agent_times o
                    WHERE o.organisation_id = $1 AND o.agent_id = u.user_id AND o.began_at <= r.lo), r.lo)
            CROSS JOIN LATERAL generate_series(greatest(r.lo, {quarter("s.began_at")}),
                least(r.hi, coalesce(s.ended_at, $4::timestamptz)) - interval '1 microsecond', {QUARTER}) AS q
            WHERE u.organisation_id = $1
        ) AS n WHERE n.seconds > 0""",
    ),
)
_EVENTS = "\n        UNION ALL ".join(_PARTS)
_FACETED = " UNION ALL ".join(
    f"SELECT '{facet}', {keys} WHERE '{facet}' = ANY($5::text[]) AND ({condition})"
    for facet, (keys, condition) in _KEYS.items()
)
_TAKEN = {name: f"{'max' if name in GREATEST else 'sum'}({name})" for name in SUMS}


def summed(names: Iterable[Sum]) -> str:
    """The columns that add these up."""
    return ", ".join(f"{_TAKEN[name]}::bigint AS {name}" for name in names)


_SOMETHING = f"coalesce({', '.join(f'nullif({taken}, 0)' for taken in _TAKEN.values())}) IS NOT NULL"
# $5 the facets.
FACTS = f"""
    SELECT f.facet, e.begins_at, e.campaign_id, f.key_a, f.key_b, f.key_c, f.key_text, {summed(SUMS)}
    FROM (
        {_EVENTS}
    ) AS e
    CROSS JOIN LATERAL ({_FACETED}) AS f (facet, key_a, key_b, key_c, key_text)
    GROUP BY f.facet, e.begins_at, e.campaign_id, f.key_a, f.key_b, f.key_c, f.key_text
    HAVING {_SOMETHING}"""
