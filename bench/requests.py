"""`GET /leads/{leadId}` and `POST /leads` against the same statements through pgbench."""

from __future__ import annotations

import asyncio

import asyncpg

from bench.floor import Served, pgbench, ratios, served, show, wrk
from callfloor.store.leads.leads import GET_MANY_SQL, INSERT_SQL

LEADS = 20_000


async def fill(given: Served, leads: int = LEADS) -> tuple[int, int]:
    """At least so many leads; their first and last ids."""
    connection = await asyncpg.connect(given.dsn)
    try:
        await connection.execute(
            "INSERT INTO leads (organisation_id, list_id, customer_key, phone1, data)"
            " SELECT $1, $2, n::text, '+6125550' || lpad((n % 10000)::text, 4, '0'), '{\"plan\": \"gold\"}'"
            " FROM generate_series(1, $3::int - (SELECT count(*) FROM (SELECT FROM leads WHERE organisation_id = $1"
            " LIMIT $3::int) AS l)::int) AS n",
            given.organisation,
            given.list_id,
            leads,
        )
        row = await connection.fetchrow(
            "SELECT min(lead_id), max(lead_id) FROM (SELECT lead_id FROM leads WHERE organisation_id = $1"
            " ORDER BY lead_id DESC LIMIT $2) AS l",
            given.organisation,
            leads,
        )
        await connection.execute("ANALYZE leads")
        assert row is not None
        return row[0], row[1]
    finally:
        await connection.close()


def get_statement(organisation: int, first: int, last: int) -> str:
    """The product's own statement, with one lead instead of a batch."""
    one = GET_MANY_SQL.replace("$1", str(organisation)).replace("$2::bigint[]", "ARRAY[:lead::bigint]")
    return f"\\set lead random({first}, {last})\n{' '.join(one.split())};\n"


def insert_statement(organisation: int, list_id: int) -> str:
    """The product's own statement, with one lead instead of a batch."""
    lead = (
        f"json_build_array(json_build_object('ord', 0, 'organisation_id', {organisation}, 'list_id', {list_id},"
        " 'status_code', 0, 'customer_key', :n::text, 'phone1', '+61491570' || lpad((:n % 1000)::text, 3, '0'),"
        " 'data', json_build_object('plan', 'gold')))"
    )
    return f"\\set n random(1, 1000000000)\n{' '.join(INSERT_SQL.replace('$1::json', lead).split())};\n"


def scripts(given: Served, first: int, last: int) -> dict[str, str]:
    """What is sent, by its name."""
    bearer = f'wrk.headers["Authorization"] = "Bearer {given.token}"\n'
    path = f"'/platform-api/v3.0/leads/' .. math.random({first}, {last})"
    get = bearer + f"request = function() return wrk.format('GET', {path}) end\n"
    post = bearer + (
        'wrk.headers["Content-Type"] = "application/json"\n'
        "request = function() local n = math.random(1, 1000000000)\n"
        "return wrk.format('POST', '/platform-api/v3.0/leads', nil,"
        f' \'{{"listId":{given.list_id},"customerKey":"\' .. n .. \'","phone1":"0491570156",'
        '"leadData":{"plan":"gold"}}\') end\n'
    )
    keyed = post.replace(
        "return wrk", 'wrk.headers["Idempotency-Key"] = n .. "-" .. math.random(1, 1000000000)\nreturn wrk'
    )
    return {"GET /leads/{id}": get, "POST /leads": post, "POST /leads, Idempotency-Key": keyed}


def run(size: int, rounds: int = 3, seconds: int = 6) -> None:
    """Print both rows."""
    with served() as given:
        first, last = asyncio.run(fill(given, size))
        sent = scripts(given, first, last)
        got = get_statement(given.organisation, first, last)
        put = insert_statement(given.organisation, given.list_id)
        for (name, script), statement in zip(sent.items(), (got, put, put), strict=True):
            pairs: list[tuple[float, float]] = []
            slowest = ""
            for _ in range(rounds):
                bound = pgbench(given.dsn, statement, seconds=seconds)
                rate, slowest = wrk(given.address, script, seconds=seconds)
                pairs.append((rate, bound))
            product = sorted(pair[0] for pair in pairs)[len(pairs) // 2]
            bound = sorted(pair[1] for pair in pairs)[len(pairs) // 2]
            show(name, f"{product:,.0f}/s (p99 {slowest})", f"{bound:,.0f}/s", ratios(pairs))
