"""The served OpenAPI document against the contract: every operation, field, parameter and scope by name and type."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import jsonschema
import pytest

from callfloor.api.openapi import raised_by
from callfloor.api.routes import (
    ADMIN,
    ADMIN_OPERATIONS,
    OPERATIONS,
    REPORT_OPERATIONS,
    REPORTS,
    WORKSPACE,
    WORKSPACE_OPERATIONS,
)
from callfloor.errors import every_problem
from tests.conftest import Centre

# field: its JSON types. `?` may be null. A nested object stands as a dict, a list as a one-element list.
S, INT, B = "string", "integer", "boolean"
PAGE = {"metadata": {"nextUri": "string?"}}
IDENTITY = {
    "activityId": INT, "parentActivityId": "integer?", "rootActivityId": INT, "activityStatusId": INT,
    "activityStatusName": S, "campaignId": INT, "campaignName": S, "agentInteractionId": "integer?",
    "agentId": "integer?", "agentFullName": "string?", "wrapCode": "integer?", "wrapDescription": "string?",
}  # fmt: skip
VOICEMAIL = {"mediaId": INT, "mediaUri": S, "duration": INT}
RECORDING = VOICEMAIL | {
    "deleted": B, "deletedTimestamp": "string?", "deletedBy": "integer?", "deletionReason": "string?",
}  # fmt: skip
INBOUND = IDENTITY | {
    "source": "string?", "destination": "string?",
    "durations": dict.fromkeys(("ivr", "queue", "hold", "interaction", "wrap", "talk"), "integer?"),
    "timestamps": {"created": S} | dict.fromkeys(("joinQueue", "answered", "hangUp", "wrapUp"), "string?"),
    "recordingStatus": "string?", "voicemailMetadata": [VOICEMAIL], "callQualityScore": "number?",
}  # fmt: skip
OUTBOUND = IDENTITY | {
    "attemptId": "integer?", "dialStatusId": "integer?", "dialStatusName": "string?", "phoneIndex": "integer?",
    "phoneNumber": "string?", "leadId": "integer?",
    "durations": dict.fromkeys(("dial", "interaction", "talk", "hold", "wrap"), "integer?"),
    "timestamps": {"created": S} | dict.fromkeys(("answered", "hangUp", "wrapUp"), "string?"),
    "connectDelayMs": "integer?", "recordingStatus": "string?",
}  # fmt: skip
EMAIL = IDENTITY | {
    "from": "string?", "to": "string?", "subject": "string?", "messageId": "string?", "inReplyTo": "string?",
    "timestamps": {"created": S, "answered": "string?", "wrapUp": "string?"},
    "attachments": [{"mediaId": INT, "mediaUri": S, "fileName": "string?", "contentType": S, "size": INT}],
}  # fmt: skip
AGENTS = dict.fromkeys(("loggedIn", "ready", "dialling", "onCall", "onWrap", "paused"), INT)
LEAD = {
    "leadId": INT, "campaignId": INT, "campaignName": S, "listId": INT, "listName": S, "timezone": "string?",
    "completed": B, "customerKey": "string?", "agentId": "integer?", "agentFullName": "string?", "dataFields": "object",
    "lastStatusCode": INT, "lastStatusDescription": "string?",
    "phones": [{"phoneIndex": INT, "phoneNumber": S, "attempts": INT, "lastDialStatusId": "integer?",
                "lastDialStatusName": "string?"}],
    "outcomeType": "string?",
    "outcomesInfo": {"attempts": INT, "lastAttemptId": "integer?", "lastDialStatusId": "integer?",
                     "lastDialStatusName": "string?", "wrapCode": "integer?", "wrapDescription": "string?"},
    "timestamps": {"uploaded": S, "updated": S, "lastAttempt": "string?", "nextAttempt": "string?",
                   "completed": "string?"},
}  # fmt: skip
LIST = {
    "id": INT, "name": S, "campaignId": INT, "campaignName": S, "inDialler": B, "weight": INT,
    "timestamps": {"created": S, "updated": S},
}  # fmt: skip
ATTEMPT = {
    "attemptId": INT, "dialStatusId": INT, "dialStatusName": S, "phoneIndex": "integer?", "phoneNumber": "string?",
    "leadId": "integer?", "timestamps": {"dialled": S, "answered": "string?", "hangUp": "string?"}, "type": S,
    "campaignId": INT, "campaignName": S, "activityId": "integer?", "parentActivityId": "integer?",
    "rootActivityId": "integer?",
}  # fmt: skip
LEAD_CREATE = {
    "listId": INT, "customerKey": "string?", "timezone": "string?", "phone1": "string?", "phone2": "string?",
    "phone3": "string?", "nextAttemptTimestamp": "string?", "leadData": "object?", "statusCode": "integer?",
    "agentId": "integer?",
}  # fmt: skip
ERASED = {
    "callData": dict.fromkeys(("activities", "attempts", "recordings", "voicemails"), INT),
    "emailData": dict.fromkeys(("messages", "attachments"), INT),
    "leadData": dict.fromkeys(("leads", "importRows"), INT),
}

# (method, path): scope, query parameters, body, status, answer
CONTRACT: dict[tuple[str, str], tuple[str, set[str], dict[str, Any] | None, int, Any]] = {
    ("GET", "/activities/{activityId}"): ("activities:read", set(), None, 200, None),
    ("GET", "/activities"): (
        "activities:read",
        {"cursor", "limit", "campaignId", "createdTimestampFrom", "createdTimestampTo", "activityType", "leadId",
         "phoneNumber", "agentId", "wrapCode"},
        None, 200, PAGE | {"items": [None]}),
    ("GET", "/campaign/{campaignId}/statistics/outbound"): (
        "campaigns:read", set(), None, 200,
        {"campaignId": INT, "campaignName": S, "agents": AGENTS, "isActive": B, "createdDate": S, "lastUpdated": S,
         "lists": [{"listId": INT, "listName": S, "inDialler": B, "weight": INT, "leads": INT,
                    "dialable": INT, "completed": INT,
                    "lastDialledTimestamp": "string?"}],
         "dialler": {"mode": "string?", "linesInUse": INT, "attempts": INT, "liveAnswers": INT, "abandoned": INT,
                     "abandonmentRate": "number?", "averageConnectDelayMs": "integer?"},
         "timestamp": S, "timezone": S}),
    ("GET", "/campaign/{campaignId}/statistics/inbound"): (
        "campaigns:read", {"period"}, None, 200,
        {"campaignId": INT, "campaignName": S, "maxCallWaitingTime": INT, "averageWaitingTime": INT,
         "estimatedCallWaitingTime": "integer?", "agents": AGENTS, "callsWaiting": INT, "callsReceived": INT,
         "callsAbandonedInWorkflow": INT, "callsAbandonedInQueue": INT, "timestamp": S, "timezone": S}),
    ("GET", "/media/{mediaId}"): ("media:read", set(), None, 200, "string"),
    ("GET", "/media/{mediaId}/voicemail"): ("media:read", set(), None, 200, VOICEMAIL),
    ("GET", "/media/{mediaId}/recording"): ("media:read", set(), None, 200, RECORDING),
    ("GET", "/leads"): (
        "leads:read",
        {"cursor", "limit", "campaignId", "listId", "statusCode", "uploadedTimestampFrom", "uploadedTimestampTo",
         "customerKey", "phoneNumber", "agentId", "completed", "updatedTimestampFrom", "updatedTimestampTo"},
        None, 200, PAGE | {"items": [LEAD]}),
    ("POST", "/leads"): ("leads:write", set(), LEAD_CREATE, 201, {"leadId": INT, "inDialler": B}),
    ("GET", "/leads/lists"): ("leads:read", {"cursor", "limit", "campaignId"}, None, 200, PAGE | {"items": [LIST]}),
    ("POST", "/leads/lists"): (
        "leads:write", set(), {"listName": S, "campaignId": INT}, 201,
        {"listName": S, "campaignId": INT, "listId": INT}),
    ("GET", "/leads/lists/{listId}"): ("leads:read", set(), None, 200, LIST),
    ("PATCH", "/leads/lists/{listId}"): (
        "leads:write", set(), {"listName": "string?", "inDialler": "boolean?", "weight": "integer?"}, 200, LIST),
    ("GET", "/leads/{leadId}"): ("leads:read", set(), None, 200, LEAD),
    ("PUT", "/leads/{leadId}"): (
        "leads:write", {"liftDoNotCall"}, LEAD_CREATE | {"listId": "integer?", "isCompleted": "boolean?"}, 200, LEAD),
    ("DELETE", "/leads/{leadId}"): ("leads:write", set(), None, 204, None),
    ("POST", "/leads/bulk/"): (
        "leads:write", {"listId", "onDuplicate", "dryRun"}, {"leads": [LEAD_CREATE]}, 202, {"uuid": S, "status": S}),
    ("POST", "/leads/bulk"): (
        "leads:write", {"listId", "onDuplicate", "dryRun"}, {"leads": [LEAD_CREATE]}, 202, {"uuid": S, "status": S}),
    ("GET", "/leads/bulk/{uuid}"): (
        "leads:read", set(), None, 200,
        {"uuid": S, "status": S, "error_link": "object",
         "result": dict.fromkeys(("rows", "inserted", "updated", "skipped", "invalid", "processed"), INT)}),
    ("GET", "/leads/bulk/{uuid}/errors"): (
        "leads:read", {"pageNo", "limit"}, None, 200,
        {"pageNo": INT, "limit": INT, "errorList": "object", "totalPages": INT, "nextPageLink": "string?"}),
    ("DELETE", "/customer"): ("customers:erase", {"phoneNumber", "emailAddress", "dryRun"}, None, 200, ERASED),
    ("GET", "/dialler/calls/{attemptId}"): ("dialler:read", set(), None, 200, ATTEMPT),
    ("GET", "/dialler/calls"): (
        "dialler:read", {"cursor", "limit", "campaignId", "leadId", "dialledTimestampFrom", "dialledTimestampTo",
                          "phoneNumber", "agentId", "dialStatusId"},
        None, 200, PAGE | {"items": [ATTEMPT]}),
    ("GET", "/dialler/leads/{leadId}/explain"): (
        "dialler:read", set(), None, 200,
        {"rules": [{"rule": S, "passed": B, "detail": S}], "dialable": B, "nextDialTimestamp": "string?",
         "phoneIndex": "integer?", "position": "integer?"}),
    ("GET", "/users"): (
        "users:read", {"cursor", "limit", "userType", "accountActive"}, None, 200,
        PAGE | {"items": [{"userId": INT, "userType": S, "username": S, "firstName": S, "lastName": S, "fullName": S,
                           "emailAddress": "string?", "timezone": "string?", "accountActive": B}]}),
    ("PUT", "/availability"): (
        "agents:write", set(), {"agentId": INT, "available": B}, 200, {"agentId": INT, "available": B}),
}  # fmt: skip
ACTIVITIES = {
    "call.inbound": INBOUND,
    "call.outbound": OUTBOUND,
    "call.manual": OUTBOUND,
    "email.inbound": EMAIL,
    "email.outbound": EMAIL,
}


class Document:
    """The served document, with references followed."""

    def __init__(self, served: dict[str, Any]) -> None:
        self.served = served

    def plain(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            target: Any = self.served
            for part in schema["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            schema = target
        return schema

    def types(self, schema: dict[str, Any]) -> set[str]:
        schema = self.plain(schema)
        if "anyOf" in schema:
            return {kind for part in schema["anyOf"] for kind in self.types(part)}
        if "enum" in schema:
            named = {str: "string", int: "integer", bool: "boolean", type(None): "null"}
            return {named[type(value)] for value in schema["enum"]}
        if "const" in schema:
            return {"string" if isinstance(schema["const"], str) else "integer"}
        kind = schema.get("type", "object")
        return set(kind) if isinstance(kind, list) else {kind}

    def check(self, expected: Any, schema: dict[str, Any], where: str) -> None:
        if expected is None:
            return
        plain = self.plain(schema)
        if isinstance(expected, list):
            assert self.types(plain) == {"array"}, where
            self.check(expected[0], plain["items"], f"{where}[]")
        elif isinstance(expected, dict):
            assert "object" in self.types(plain), where
            for name, kind in expected.items():
                assert name in plain["properties"], f"{where}.{name} is missing"
                self.check(kind, plain["properties"][name], f"{where}.{name}")
        else:
            kinds = {expected.rstrip("?")} | ({"null"} if expected.endswith("?") else set())
            assert self.types(plain) == kinds, where


@pytest.fixture
async def document(centre: Centre) -> Document:
    answer = await centre.client.get("/openapi.json")
    assert answer.status_code == 200
    return Document(answer.json())


@pytest.fixture
async def workspace(centre: Centre) -> Document:
    answer = await centre.client.get("http://callfloor.test/workspace/v1/openapi.json")
    assert answer.status_code == 200
    return Document(answer.json())


def test_the_contract_and_the_routes_name_the_same_operations() -> None:
    served = {(operation.method, operation.path) for operation in OPERATIONS}
    assert set(CONTRACT) <= served
    ours = {(operation.method, operation.path) for operation in OPERATIONS if operation.ours}
    assert served - set(CONTRACT) <= ours


def test_each_operation_asks_for_the_scope_of_the_contract() -> None:
    for operation in OPERATIONS:
        if (operation.method, operation.path) in CONTRACT:
            assert operation.access == CONTRACT[operation.method, operation.path][0], operation.operation_id


def test_every_parameter_field_and_type_stands_in_the_document(document: Document) -> None:
    for (method, path), (_, parameters, body, status, answer) in CONTRACT.items():
        described = document.served["paths"][path][method.lower()]
        served = {p["name"] for p in described["parameters"] if p["in"] == "query"}
        assert parameters <= served, path
        assert {p["name"] for p in described["parameters"] if p["in"] == "path"} == set(re.findall(r"{(\w+)}", path))
        if body is not None:
            schema = described["requestBody"]["content"]["application/json"]["schema"]
            document.check(body, schema, f"{method} {path} body")
        success = described["responses"][str(status)]
        if answer is not None:
            document.check(answer, success["content"]["application/json"]["schema"], f"{method} {path}")


def test_every_kind_of_activity_has_the_fields_of_the_contract(document: Document) -> None:
    schema = document.served["paths"]["/activities/{activityId}"]["get"]["responses"]["200"]
    union = document.plain(schema["content"]["application/json"]["schema"])
    kinds = {}
    for part in union["anyOf"]:
        plain = document.plain(part)
        kinds[plain["properties"]["type"]["enum"][0]] = plain["properties"]["data"]
    assert set(kinds) == set(ACTIVITIES)
    for name, fields in ACTIVITIES.items():
        document.check(fields, kinds[name], name)


def test_every_example_fits_its_schema(document: Document, workspace: Document) -> None:
    assert _examples_that_fit(document) > len(CONTRACT)
    assert _examples_that_fit(workspace) > len(WORKSPACE_OPERATIONS)


def _examples_that_fit(document: Document) -> int:
    root = {"components": document.served["components"]}
    checked = 0
    for path, methods in document.served["paths"].items():
        for method, described in methods.items():
            contents = [answer.get("content", {}) for answer in described["responses"].values()]
            contents.append(described.get("requestBody", {}).get("content", {}))
            for content in contents:
                for media in content.values():
                    if "example" in media:
                        jsonschema.validate(media["example"], root | media["schema"])
                        checked += 1
            for parameter in described["parameters"]:
                if "example" in parameter:
                    jsonschema.validate(parameter["example"], root | parameter["schema"])
            success = next(code for code in described["responses"] if code.startswith("2"))
            content = described["responses"][success].get("content", {})
            # what answers with sound alone has none
            json = content.get("application/json")
            assert json is None or "example" in json, f"{method} {path} has no example"
    return checked


def test_the_document_is_valid_openapi_and_carries_the_prefix_it_was_asked_by(document: Document) -> None:
    assert document.served["openapi"].startswith("3.1")
    assert document.served["servers"] == [{"url": "/platform-api/v3.0"}]


def test_the_workspace_has_a_document_of_its_own(workspace: Document) -> None:
    assert workspace.served["openapi"].startswith("3.1")
    assert workspace.served["info"]["title"] == "Callfloor Workspace API"
    assert workspace.served["servers"] == [{"url": WORKSPACE}]
    served = {(method.upper(), path) for path, methods in workspace.served["paths"].items() for method in methods}
    assert served == {(operation.method, operation.path) for operation in WORKSPACE_OPERATIONS}
    commands = workspace.served["paths"]["/session/commands"]["post"]["requestBody"]["content"]["application/json"]
    assert commands["schema"]["discriminator"]["propertyName"] == "action"


@pytest.mark.parametrize(("prefix", "operations"), [(ADMIN, ADMIN_OPERATIONS), (REPORTS, REPORT_OPERATIONS)])
async def test_administration_and_reports_have_documents_whose_examples_fit(
    centre: Centre, prefix: str, operations: tuple[Any, ...]
) -> None:
    served = Document((await centre.client.get(f"http://callfloor.test{prefix}/openapi.json")).json())
    assert served.served["servers"] == [{"url": prefix}]
    assert _examples_that_fit(served) >= len(operations)


async def test_each_api_has_a_reference_page_of_its_own(centre: Centre) -> None:
    for path, document in (
        ("/docs", "/platform-api/v3.0/openapi.json"),
        ("/docs/workspace", "/workspace/v1/openapi.json"),
        ("/docs/admin", "/admin/v1/openapi.json"),
        ("/docs/reports", "/reports/v1/openapi.json"),
    ):
        page = await centre.client.get(f"http://callfloor.test{path}")
        assert page.headers["Content-Type"].startswith("text/html")
        assert re.findall(r'data-document="([^"]+)"', page.text) == [document]


async def test_the_same_routes_answer_under_both_prefixes(centre: Centre) -> None:
    for prefix in ("/platform-api/v3.0", "/v3.0"):
        answer = await centre.client.get(f"http://callfloor.test{prefix}/users?limit=1")
        assert answer.status_code == 200
        assert answer.json()["metadata"]["nextUri"].startswith(f"{prefix}/users?")
        served = (await centre.client.get(f"http://callfloor.test{prefix}/openapi.json")).json()
        assert served["servers"] == [{"url": prefix}]


async def test_every_kind_of_problem_has_a_page(centre: Centre) -> None:
    for kind in every_problem():
        answer = await centre.client.get(f"/problems/{kind.slug}")
        assert answer.status_code == 200
        assert answer.json()["title"] == kind.title
        assert len(answer.json()["detail"]) > 20


@pytest.mark.parametrize(
    "operation",
    [*OPERATIONS, *WORKSPACE_OPERATIONS, *ADMIN_OPERATIONS, *REPORT_OPERATIONS],
    ids=lambda operation: operation.operation_id,
)
async def test_every_operation_refuses_without_a_token_and_without_the_scope(
    operation: Any, centre: Centre, db: Any
) -> None:
    from callfloor.store.people import tokens
    from tests.conftest import client_for

    path = re.sub(r"{uuid}", "7f3f2c1e-8f0e-4a53-9a53-0f8b3f0f8c55", operation.path)
    path = re.sub(r"{\w+}", "1", path)
    own = {WORKSPACE: WORKSPACE_OPERATIONS, ADMIN: ADMIN_OPERATIONS, REPORTS: REPORT_OPERATIONS}
    prefix = next((each for each, its in own.items() if operation in its), "/platform-api/v3.0")
    path = f"http://callfloor.test{prefix}{path}"
    anonymous = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=centre.app), base_url=centre.client.base_url)
    async with anonymous:
        answer = await anonymous.request(operation.method, path)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    other = "users:read" if operation.access != "users:read" else "leads:read"
    weak = client_for(centre.app, await tokens.create(db, centre.organisation, "weak", [other]))
    async with weak:
        answer = await weak.request(operation.method, path)
    assert answer.status_code == 403
    assert operation.access in answer.json()["detail"]
    assert 403 in {kind.status for kind in raised_by(operation)}
