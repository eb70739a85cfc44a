"""Splitting bulk bodies: any list of leads survives each form, whatever the parts it is cut into."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.jobs import records
from callfloor.jobs.records import Form, RecordsError, read_records

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | text | st.sampled_from(["}, {", '"},{"', "]}", "\\"])
)
leads = st.lists(
    st.dictionaries(text, scalars | st.dictionaries(text, scalars, max_size=3), max_size=5) | scalars,
    min_size=1,
    max_size=30,
)


def read(body: bytes, form: Form) -> list[Any]:
    return [msgspec.json.decode(line) for line in read_records(io.BytesIO(body), form)]


@given(leads, st.sampled_from([None, 1, 3]), st.integers(1, 64), st.booleans())
def test_any_leads_survive_json_whatever_the_parts(
    sent: list[Any], indent: int | None, size: int, unicode: bool
) -> None:
    body = json.dumps({"leads": sent}, indent=indent, ensure_ascii=unicode).encode()
    with patch.object(records, "PART", size), patch.object(records, "BUFFER", max(size, 24)):
        assert read(body, "json") == sent


@given(leads)
def test_any_leads_survive_ndjson(sent: list[Any]) -> None:
    assert read("\n\n".join(json.dumps(lead) for lead in sent).encode(), "ndjson") == sent


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=20))
def test_any_cells_survive_csv(sent: list[tuple[str, str, str]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["customerKey", "plan", "note"])
    writer.writerows(sent)
    found = read(out.getvalue().encode(), "csv")
    expected = [("", "", "") if lead is None else lead for lead in sent]
    got = [
        (row.get("customerKey", ""), *(row.get("leadData", {}).get(n, "") for n in ("plan", "note"))) for row in found
    ]
    assert got == expected


@given(st.binary(max_size=300), st.sampled_from(["json", "csv", "ndjson"]))
def test_arbitrary_bytes_are_read_or_refused_and_nothing_else(body: bytes, form: Form) -> None:
    try:
        found = read(body, form)
    except RecordsError:
        return
    assert found


@given(leads, st.integers(0, 200), st.binary(min_size=1, max_size=2))
def test_a_damaged_body_is_never_taken_for_another_list(sent: list[Any], at: int, damage: bytes) -> None:
    body = json.dumps({"leads": sent}).encode()
    at %= len(body)
    damaged = body[:at] + damage + body[at + 1 :]
    with patch.object(records, "PART", 16):
        try:
            found = read(damaged, "json")
        except RecordsError:
            return
    # half a surrogate pair is no character: it is read as ?
    whole = re.sub(r"[\ud800-\udfff]", "?", json.dumps(json.loads(damaged)["leads"], ensure_ascii=False))
    assert found == json.loads(whole)


def test_more_rows_than_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST_ROWS", 3)
    assert len(read(b'{"leads": [{}, {}, {}]}', "json")) == 3
    with pytest.raises(RecordsError, match="more than 3") as caught:
        read(b'{"leads": [{}, {}, {}, {}]}', "json")
    assert caught.value.kind == "too-large"


def test_ragged_rows_are_kept_for_the_report() -> None:
    assert read(b"customerKey,plan\na\nb,x,y\n", "csv") == [
        ["has 1 cells where the header has 2", {"customerKey": "a"}],
        ["has 3 cells where the header has 2", {"customerKey": "b", "plan": "x"}],
    ]
