"""What Prometheus reads of each server: figures of its own role, on a port of its own, each of them documented."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from callfloor import metrics as _registered  # noqa: F401
from callfloor import samples
from callfloor.contract.codes import DialStatus
from tests.system.served import run, serving
from tests.waiting import until

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
# put together when somebody asks
ON_ASKING = {"callfloor_disk_room_bytes"}
LEADS = 40
QUICK = {"CARRIER_PACE": "100", "SIMULATED_AGENTS": "true", "SIMULATED_CALLERS": "60"}


@pytest.fixture
def data() -> Iterator[Path]:
    # not pytest's own, which are closed to the user that PostgreSQL runs as
    with tempfile.TemporaryDirectory(prefix="cf-metrics-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"


async def read(client: httpx2.AsyncClient, address: str) -> Callable[..., float]:
    """The value of a metric with these labels; 0 where there is none."""
    answer = await client.get(f"{address}/metrics")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    found = {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}

    def value(name: str, **labels: str) -> float:
        return found.get((f"callfloor_{name}", frozenset(labels.items())), 0.0)

    return value


def test_the_document_names_each_metric_with_its_kind_and_no_other() -> None:
    families = {family.name: family for family in REGISTRY.collect() if family.name.startswith("callfloor_")}
    there = {f"{name}_total" if each.type == "counter" else name: each.type for name, each in families.items()}
    named = dict(re.findall(r"^\| `(callfloor_\w+)` \| (\w+) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE))
    assert named == there | dict.fromkeys(ON_ASKING, "gauge")


@pytest.mark.timeout(400)
async def test_each_role_alone_has_health_and_figures_of_its_own(data: Path) -> None:
    quick = {f"CALLFLOOR_{name}": value for name, value in QUICK.items()}
    with (
        serving(data, "--role", "api", "--workers", "1") as (api, _),
        serving(data, "--role", "jobs") as (jobs, _),
        serving(data, "--role", "floor", **quick) as (floor, _),
    ):
        (data.parent / "centre.toml").write_text(samples.text("demo.toml"))
        run(data, "apply", str(data.parent / "centre.toml"))
        token = run(data, "token", "create", "--name", "test", "--scopes", "all")
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(headers=headers, timeout=30) as client:
            for address in (api, jobs, floor):
                assert (await client.get(f"{address}/health")).json() == {"status": "ok"}
                assert (await client.get(f"{address}/ready")).json()["database"] == "ok"
            leads = await fill(client, f"{api}/platform-api/v3.0")
            await until(lambda: imported(client, jobs, leads))
            await until(lambda: dialled(client, floor))
            await until(lambda: called(client, floor))
            await apart(client, api, jobs, floor)


async def fill(client: httpx2.AsyncClient, api: str) -> int:
    """Leads, some of them wrong, and agents who are ready. Returns how many leads were sent."""
    (first, *_) = (await client.get(f"{api}/leads/lists")).json()["items"]
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        samples.write_csv(Path(file.name), LEADS)
        csv = {"Content-Type": "text/csv"}
        answer = await client.post(f"{api}/leads/bulk/?listId={first['id']}", content=file.read(), headers=csv)
    assert answer.status_code == 202, answer.text
    for user in (await client.get(f"{api}/users", params={"userType": "agent"})).json()["items"]:
        await client.put(f"{api}/availability", json={"agentId": user["userId"], "available": True})
    return LEADS


async def imported(client: httpx2.AsyncClient, jobs: str, leads: int) -> bool:
    value = await read(client, jobs)
    rows = {each: value("import_rows_total", result=each) for each in ("inserted", "invalid", "updated", "skipped")}
    chunks = value("import_chunks_total", outcome="imported")
    assert sum(rows.values()) == leads
    assert rows["inserted"] > leads / 2
    assert chunks == value("import_chunk_seconds_count") >= 1
    return value("imports_open") == 0 and value("job_runs_total", job="housekeeping", outcome="done") >= 1


async def dialled(client: httpx2.AsyncClient, floor: str) -> bool:
    value = await read(client, floor)
    attempts, answered = value("floor_attempts_total"), value("floor_answered_total")
    ended = sum(value("floor_ended_total", status=each.name.lower()) for each in DialStatus)
    assert attempts >= answered >= value("floor_connected_total") > 0
    assert attempts >= ended > 0
    return value("floor_agents", state="on-call") + value("floor_agents", state="ready") > 0


async def called(client: httpx2.AsyncClient, floor: str) -> bool:
    return (await read(client, floor))("floor_inbound_total") > 0


async def apart(client: httpx2.AsyncClient, api: str, jobs: str, floor: str) -> None:
    """Each server counts its own processes and its own work."""
    kinds = {"api": api, "jobs": jobs, "mail": jobs, "floor": floor}
    for kind, of in kinds.items():
        for address in (api, jobs, floor):
            value = await read(client, address)
            assert value("processes", kind=kind) == (address == of)
            assert value("disk_room_bytes", place="database") > 0
            assert value("floor_campaigns") == (0 if address != floor else value("floor_campaigns"))
            assert (value("api_requests_total", operation="CreateLeadsBulk", status="202") > 0) <= (address == api)
    assert (await read(client, floor))("floor_campaigns") > 0
    assert (await read(client, floor))("floor_writes_refused_total") == 0
