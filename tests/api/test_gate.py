"""What every request meets: tokens, limits, request ids, problems, idempotency, versions, bodies."""

from __future__ import annotations

import asyncio
import gzip
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx2
import pytest

from callfloor.api.routes import WORKSPACE_OPERATIONS
from callfloor.contract.codes import SCOPES
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.api.desks import add_agent, client_of, token_of
from tests.conftest import Centre, client_for
from tests.waiting import until


async def test_a_bare_token_is_accepted(centre: Centre) -> None:
    answer = await centre.client.get("/users", headers={"Authorization": centre.token})
    assert answer.status_code == 200


@pytest.mark.parametrize("token", ["", "x", "Bearer", "Bearer cf_1_short", "Bearer cf_1_" + "A" * 43, "Basic YTpi"])
async def test_a_token_that_is_not_ours_is_refused(centre: Centre, token: str) -> None:
    answer = await centre.client.get("/users", headers={"Authorization": token})
    assert answer.status_code == 401
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_an_expired_token_is_refused(centre: Centre, db: Database) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    token = await tokens.create(db, centre.organisation, "old", SCOPES, expires_at=past)
    answer = await centre.client.get("/users", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


async def test_a_revoked_token_is_refused_at_once(centre: Centre, db: Database) -> None:
    token = await tokens.create(db, centre.organisation, "gone", SCOPES)
    async with client_for(centre.app, token) as client:
        assert (await client.get("/users")).status_code == 200
        (row,) = [row for row in await tokens.every(db, centre.organisation) if row["name"] == "gone"]
        assert await tokens.revoke(db, centre.organisation, row["token_id"])
        async with asyncio.timeout(10):
            while (await client.get("/users")).status_code != 401:
                pass


async def test_a_token_is_stored_only_as_a_hash(centre: Centre, db: Database) -> None:
    secret = centre.token.split("_", 2)[2]
    rows = await db.fetch("SELECT t::text AS row FROM tokens t WHERE organisation_id = $1", centre.organisation)
    assert rows
    assert not any(secret in row["row"] for row in rows)


async def test_every_answer_has_a_request_id_and_the_limits(centre: Centre) -> None:
    for path in ("/users", "/leads/0", "/nowhere", "/leads/999999"):
        answer = await centre.client.get(path)
        assert uuid.UUID(answer.headers["X-Request-Id"])
        assert answer.headers["RateLimit-Policy"].startswith('"token";q=')


async def test_a_request_id_of_the_client_is_kept_only_when_it_is_a_uuid(centre: Centre) -> None:
    own = str(uuid.uuid4())
    answer = await centre.client.get("/users", headers={"X-Request-Id": own})
    assert answer.headers["X-Request-Id"] == own
    answer = await centre.client.get("/users", headers={"X-Request-Id": "61491570156"})
    assert answer.headers["X-Request-Id"] != "61491570156"


async def test_a_token_that_is_used_up_gets_429_and_when_to_come_back(centre: Centre, db: Database) -> None:
    token = await tokens.create(db, centre.organisation, "slow", SCOPES, requests_per_second=1)
    async with client_for(centre.app, token) as client:
        answers = [await client.get("/users") for _ in range(4)]
    assert [answer.status_code for answer in answers][:2] == [200, 200]
    refused = answers[-1]
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["RateLimit"].startswith('"token";r=0;t=')
    assert refused.json()["type"].endswith("/problems/rate-limited")


async def test_unknown_paths_and_methods_are_told_apart(centre: Centre) -> None:
    assert (await centre.client.get("/nowhere")).status_code == 404
    answer = await centre.client.delete("/users")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    answer = await centre.client.request("OPTIONS", "/leads")
    assert answer.status_code == 405
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


async def test_head_answers_like_get_without_the_body(centre: Centre) -> None:
    answer = await centre.client.head("/users")
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["Content-Length"]) > 0


async def test_an_accept_header_without_json_is_406(centre: Centre) -> None:
    assert (await centre.client.get("/users", headers={"Accept": "text/html"})).status_code == 406
    assert (await centre.client.get("/users", headers={"Accept": "text/html, */*;q=0.1"})).status_code == 200


async def test_ids_that_cannot_be_are_422_and_ids_that_are_not_there_404(centre: Centre) -> None:
    for text in ("abc", "1.5", "-1", "%00", "1e3", "9" * 30):
        assert (await centre.client.get(f"/leads/{text}")).status_code == 422, text
    for text in ("0", "9223372036854775807", "9223372036854775808"):
        assert (await centre.client.get(f"/leads/{text}")).status_code == 404, text


async def test_an_unknown_parameter_names_the_nearest_known_one(centre: Centre) -> None:
    answer = await centre.client.get("/leads?listid=1&limit=0&statusCode=x")
    assert answer.status_code == 422
    found = {error["parameter"]: error["message"] for error in answer.json()["errors"]}
    assert set(found) == {"listid", "limit", "statusCode"}
    assert "listId" in found["listid"]


async def test_an_unknown_field_names_the_nearest_known_one_beside_every_other_fault(centre: Centre) -> None:
    body = {"listId": "x", "phoen1": "1", "leadData": {"a": {"b": 1}, "ok": 1}, "customerKey": 5}
    answer = await centre.client.post("/leads", json=body)
    assert answer.status_code == 422
    found = {error["pointer"]: error["message"] for error in answer.json()["errors"]}
    assert set(found) == {"/listId", "/phoen1", "/leadData/a", "/customerKey"}
    assert "phone1" in found["/phoen1"]


async def test_empty_and_null_parameters_mean_absent(centre: Centre) -> None:
    assert (await centre.client.get("/leads?listId=&customerKey=&cursor=")).status_code == 200


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"{", {}, 400),
        (b"[]", {}, 422),
        (b"null", {}, 422),
        (b'"\xff\xfe"', {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'{"listId": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", {}, 400),
        (b'{"listId": 1, "customerKey": "\\ud800"}', {}, 400),
        (b'{"listId": 1, "customerKey": "a\\u0000b"}', {}, 422),
        (b'{"listId": 1, "leadData": {"a\\u0000": "b"}}', {}, 422),
        (b'{"listId": 99999999999999999999999999}', {}, 422),
        (b'{"listId": 1, "leadData": {"a": 1e999}}', {}, 400),
        (b'{"listId": 1, "customerKey": "' + b"x" * 10_000_000 + b'"}', {}, 413),
        (b'{"listId": 1, "customerKey": "' + b"x" * 300 + b'"}', {}, 422),
        (b"listId=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b'{"listId": 1}', {"Content-Type": "application/json; charset=utf-16"}, 415),
        (b'{"listId": 1}', {"Content-Encoding": "br"}, 415),
        (gzip.compress(b'{"listId": 1}', mtime=0)[:-5], {"Content-Encoding": "gzip"}, 400),
        (b"not gzip at all", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"\0" * 50_000_000, mtime=0), {"Content-Encoding": "gzip"}, 413),
    ],
)
async def test_bad_bodies_get_a_clear_answer_and_write_nothing(
    centre: Centre, db: Database, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await centre.client.post("/leads", content=body, headers={"Content-Type": "application/json"} | headers)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["requestId"] == answer.headers["X-Request-Id"]
    assert await db.fetchval("SELECT count(*) FROM leads WHERE organisation_id = $1", centre.organisation) == 0


async def test_a_gzip_body_is_read(centre: Centre) -> None:
    body = gzip.compress(b'{"listId": %d}' % centre.list_id, mtime=0)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert (await centre.client.post("/leads", content=body, headers=headers)).status_code == 201


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("&".join(f"p{n}=1" for n in range(101)), 414),
        ("customerKey=%ff", 400),
        ("customerKey=%00", 422),
        ("customerKey=a&customerKey=b", 422),
        ("statusCode=99999999999999999999", 422),
        ("cursor=AAAA", 400),
        ("cursor=%C3%A9", 400),
        ("uploadedTimestampFrom=yesterday", 422),
    ],
)
async def test_bad_queries_get_a_clear_answer(centre: Centre, query: str, status: int) -> None:
    answer = await centre.client.get(f"/leads?{query}")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_a_hundred_thousand_parameters_get_a_clear_answer(centre: Centre) -> None:
    # no client library sends such an address, so the application is called as the server would
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/platform-api/v3.0/leads",
        "query_string": "&".join(f"p{n}=1" for n in range(100_001)).encode(),
        "headers": [(b"authorization", centre.token.encode())],
    }
    await centre.app(scope, receive, send)
    assert sent[0]["status"] == 414


async def _leads(db: Database, centre: Centre) -> int:
    return await db.fetchval("SELECT count(*) FROM leads WHERE organisation_id = $1", centre.organisation)


async def test_the_same_key_and_body_replays_the_stored_answer(centre: Centre, db: Database) -> None:
    body = {"listId": centre.list_id, "phone1": "0491 570 156"}
    first = await centre.client.post("/leads", json=body, headers={"Idempotency-Key": "k-1"})
    again = await centre.client.post("/leads", json=body, headers={"Idempotency-Key": "k-1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (again.content, again.headers["Location"]) == (first.content, first.headers["Location"])
    assert await _leads(db, centre) == 1


async def test_the_same_key_with_another_request_is_422(centre: Centre, db: Database) -> None:
    headers = {"Idempotency-Key": "k-2"}
    await centre.client.post("/leads", json={"listId": centre.list_id}, headers=headers)
    other = await centre.client.post("/leads", json={"listId": centre.list_id, "customerKey": "x"}, headers=headers)
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency-key-reused")
    assert await _leads(db, centre) == 1


async def test_a_key_whose_first_request_still_runs_is_409(centre: Centre, db: Database) -> None:
    body = {"listId": centre.list_id}
    headers = {"Idempotency-Key": "k-3"}
    answers = await asyncio.gather(*(centre.client.post("/leads", json=body, headers=headers) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["leadId"] for answer in answers if answer.status_code == 201}) == 1
    assert await _leads(db, centre) == 1


async def test_a_request_that_still_runs_says_when_to_come_again(centre: Centre, db: Database) -> None:
    body, headers = {"listId": centre.list_id}, {"Idempotency-Key": "k-6"}
    holder = await asyncpg.connect(db.dsn)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE leads IN EXCLUSIVE MODE")
            first = asyncio.create_task(centre.client.post("/leads", json=body, headers=headers))
            await until(lambda: _waits(holder))
            running = await centre.client.post("/leads", json=body, headers=headers)
        assert (running.status_code, running.headers["Retry-After"]) == (409, "1")
        assert (await first).status_code == 201
    finally:
        await holder.close()


async def _waits(connection: asyncpg.Connection[Any]) -> bool:
    return await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'leads'::regclass)"
    )


@pytest.mark.parametrize(
    "again",
    [
        '{"customerKey": "x", "leadData": {"b": 1, "a": "ü"}, "listId": LIST}',
        '{"leadData":{"a":"\\u00fc","b":1},"listId":LIST,"customerKey":"x"}',
        '  {"listId"  : LIST, "customerKey":"x",\n"leadData": {"a": "ü", "b": 1}}',
    ],
)
async def test_the_same_json_in_another_order_is_the_same_request(centre: Centre, db: Database, again: str) -> None:
    headers = {"Idempotency-Key": "k-8", "Content-Type": "application/json"}
    body = {"listId": centre.list_id, "customerKey": "x", "leadData": {"a": "ü", "b": 1}}
    first = await centre.client.post("/leads", json=body, headers=headers)
    second = await centre.client.post("/leads", content=again.replace("LIST", str(centre.list_id)), headers=headers)
    assert (second.status_code, second.headers.get("Idempotent-Replayed")) == (201, "true")
    assert second.json() == first.json()
    assert await _leads(db, centre) == 1
    other = await centre.client.post("/leads", json=body | {"leadData": {"a": 1, "b": "ü"}}, headers=headers)
    assert other.json()["type"].endswith("idempotency-key-reused")


async def test_a_key_is_of_who_asks_and_of_the_api_that_is_asked(centre: Centre, db: Database) -> None:
    """Nobody is shown another's answer, and two who chose one key are in nobody's way."""
    headers, body = {"Idempotency-Key": "k-9"}, {"listId": centre.list_id}
    made = (await centre.client.post("/leads", json=body, headers=headers)).json()
    async with client_for(centre.app, await tokens.create(db, centre.organisation, "second", SCOPES)) as second:
        other = await second.post("/leads", json=body, headers=headers)
        assert other.status_code == 201
        assert "Idempotent-Replayed" not in other.headers
        assert other.json() != made
    async with client_for(centre.app, await tokens.create(db, centre.organisation, "none", ["users:read"])) as none:
        assert (await none.post("/leads", json=body, headers=headers)).status_code == 403
    # the same program under the other prefix of the same API
    short = await centre.client.post("http://callfloor.test/v3.0/leads", json=body, headers=headers)
    assert (short.headers.get("Idempotent-Replayed"), short.json()) == ("true", made)


async def test_two_people_of_a_centre_do_not_share_a_key_and_two_tokens_of_one_do(centre: Centre, db: Database) -> None:
    other = await add_agent(db, centre, "jane.roe")
    body, headers = {"state": "paused", "reason": "lunch"}, {"Idempotency-Key": "k-10"}
    answers: list[httpx2.Response] = []
    for person in (centre.agent, other, centre.agent):
        async with client_of(centre, await token_of(db, centre, person)) as desk:
            answers.append(await desk.put("/session", json=body, headers=headers))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json()["agentId"] for answer in answers] == [centre.agent, other, centre.agent]
    assert [answer.headers.get("Idempotent-Replayed") for answer in answers] == [None, None, "true"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("W/TAG", "weak"),
        ("w/TAG", "weak"),
        ('"other", W/TAG', "weak"),
        ("BARE", "quotes"),
        ("'BARE'", "quotes"),
        ('"BARE', "quotes"),
    ],
)
async def test_a_version_that_cannot_be_compared_is_not_called_stale(centre: Centre, sent: str, words: str) -> None:
    made = await centre.client.post("/leads", json={"listId": centre.list_id})
    path = f"/leads/{made.json()['leadId']}"
    tag = (await centre.client.get(path)).headers["ETag"]
    header = {"If-Match": sent.replace("TAG", tag).replace("BARE", tag.strip('"'))}
    for answer in (
        await centre.client.put(path, json={"customerKey": "x"}, headers=header),
        await centre.client.delete(path, headers=header),
    ):
        assert (answer.status_code, answer.json()["type"].split("/")[-1]) == (412, "unusable-version")
        assert words in answer.json()["detail"]
    # one that matches is enough
    both = await centre.client.put(path, json={}, headers={"If-Match": f'W/"x", {tag}'})
    assert both.status_code == 200


@pytest.mark.parametrize("text", ["\\ud800", "\\udfff", "a\\ud83d b", "\\ud83d\\u0041", "\\ude00\\ud83d"])
async def test_half_a_surrogate_pair_is_refused_with_its_place(centre: Centre, text: str) -> None:
    body = f'{{"listId": {centre.list_id}, "customerKey": "{text}", "phone1": "0491570156"}}'
    answer = await centre.client.post("/leads", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "surrogate" in answer.json()["detail"]
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/customerKey"]


async def test_what_json_allows_and_nobody_can_keep_is_named_by_its_field(centre: Centre) -> None:
    body = '{"listId": 1, "leadData": {"a": "\\ud800", "n": 1e999, "b/c": -1E400, "\\udfff": 1}, "customerKey": "k"}'
    answer = await centre.client.post("/leads", content=body, headers={"Content-Type": "application/json"})
    found = {error["pointer"]: error["code"] for error in answer.json()["errors"]}
    assert answer.status_code == 400
    halves, ranges = ("/leadData", "/leadData/a"), ("/leadData/n", "/leadData/b~1c")
    assert found == dict.fromkeys(halves, "half-surrogate") | dict.fromkeys(ranges, "range")


async def test_a_byte_order_mark_before_json_is_passed_over_and_makes_no_other_request(centre: Centre) -> None:
    body = f'{{"listId": {centre.list_id}, "phone1": "0491570156"}}'.encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": "mark"}
    made = await centre.client.post("/leads", content=b"\xef\xbb\xbf" + body, headers=headers)
    again = await centre.client.post("/leads", content=body, headers=headers)
    assert (made.status_code, again.json()) == (201, made.json())
    path = f"/leads/{made.json()['leadId']}"
    put = await centre.client.put(
        path, content=b'\xef\xbb\xbf{"customerKey": "k"}', headers=headers | {"Idempotency-Key": "2"}
    )
    assert put.status_code == 200
    blocked = b'\xef\xbb\xbf{"phoneNumber": "0491570156"}'
    dnc = await centre.client.post("/admin/do-not-call", content=blocked, headers={"Content-Type": "application/json"})
    assert dnc.status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/leads", {"listId": "x", "phone1": 1, "leadData": [], "statusCode": True, "agentId": 1.5}),
        ("POST", "/leads", {"listId": None, "phone1": {}, "leadData": {"a": {}}, "statusCode": -1, "customerKey": 3}),
        ("POST", "/leads", {"listId": 10**30, "phone1": "1" * 65, "leadData": "x", "timezone": []}),
        ("PUT", "/availability", {"agentId": "1", "available": 1}),
        ("POST", "/leads/lists", {"listName": "", "campaignId": [1]}),
        ("GET", "/leads?limit=x&listId=1.5&statusCode=-1", None),
        ("GET", "/users?accountActive=perhaps&userType=robot&limit=0", None),
    ],
)
async def test_messages_speak_of_json_and_not_of_the_language_that_this_is_written_in(
    centre: Centre, method: str, path: str, body: Any
) -> None:
    answer = await centre.client.request(method, path, json=body)
    assert answer.status_code == 422
    messages = [error["message"] for error in answer.json()["errors"]]
    assert messages
    for message in messages:
        assert not re.search(r"`|\b(str|int|float|bool|dict|list|NoneType|None)\b", message), message
        assert message.startswith(("must ", "is ", "cannot ")), message


async def test_a_refused_request_does_not_use_up_its_key(centre: Centre) -> None:
    headers = {"Idempotency-Key": "k-4"}
    assert (await centre.client.post("/leads", json={"listId": 2**50}, headers=headers)).status_code == 422
    assert (await centre.client.post("/leads", json={"listId": centre.list_id}, headers=headers)).status_code == 201


async def test_keys_of_two_organisations_do_not_meet(centre: Centre, other_centre: Centre, db: Database) -> None:
    for each in (centre, other_centre):
        body = {"listId": each.list_id}
        answer = await each.client.post("/leads", json=body, headers={"Idempotency-Key": "k-5"})
        assert answer.status_code == 201
        assert "Idempotent-Replayed" not in answer.headers
        assert await _leads(db, each) == 1


async def test_neither_key_nor_request_stands_in_the_database(centre: Centre, db: Database) -> None:
    number = "+61491570313"
    await centre.client.put(
        "/availability", json={"agentId": centre.agent, "available": False}, headers={"Idempotency-Key": number}
    )
    rows = await db.fetch(
        "SELECT k::text AS row FROM idempotency_keys k WHERE organisation_id = $1", centre.organisation
    )
    assert len(rows) == 1
    assert number[1:] not in rows[0]["row"]


async def test_versions_guard_reads_and_writes(centre: Centre) -> None:
    made = await centre.client.post("/leads", json={"listId": centre.list_id, "customerKey": "a"})
    path = f"/leads/{made.json()['leadId']}"
    first = await centre.client.get(path)
    etag = first.headers["ETag"]
    unchanged = await centre.client.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    written = await centre.client.put(path, json={"customerKey": "b"}, headers={"If-Match": etag})
    assert written.status_code == 200
    assert written.headers["ETag"] == (await centre.client.get(path)).headers["ETag"] != etag
    stale = await centre.client.put(path, json={"customerKey": "c"}, headers={"If-Match": etag})
    assert stale.status_code == 412
    assert (await centre.client.delete(path, headers={"If-Match": etag})).status_code == 412
    assert (await centre.client.delete(path, headers={"If-Match": written.headers["ETag"]})).status_code == 204


async def test_health_readiness_metrics_and_the_reference_answer_without_a_token(centre: Centre) -> None:
    transport = httpx2.ASGITransport(app=centre.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://callfloor.test") as client:
        for path in ("/health", "/ready", "/metrics", "/docs", "/docs/redoc.standalone.js"):
            answer = await client.get(path)
            assert answer.status_code == 200, path
            assert uuid.UUID(answer.headers["X-Request-Id"])
        assert (await client.post("/health")).status_code == 405
        assert "<title>Callfloor</title>" in (await client.get("/")).text
        assert (await client.get("/docs/../../settings.py")).status_code == 404


def test_every_supervisors_write_is_looked_at_again_before_a_replay() -> None:
    writes = [each for each in WORKSPACE_OPERATIONS if each.method != "GET" and each.access == "workspace:supervise"]
    assert len(writes) == 7
    assert [each.operation_id for each in writes if each.replayable is None] == []
