"""SQL lists every text under a key by which the eraser looks for what stands in it."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from callfloor.rules.privacy.sought import Sought
from callfloor.store.db.pool import Database
from tests.breadth import examples
from tests.rules.spellings import addresses, numbers

SOUGHT = [
    Sought("+61491570006", None, "AU"),
    Sought(None, "jane@example.com", "AU"),
    Sought(None, "jane.q-7@straße.example", "AU"),
    Sought(None, "o'brien@bücher.example", "AU"),
    Sought(None, "x@localhost", "AU"),
]
around = st.text(max_size=20) | st.text(st.sampled_from("0123456789+()/- .:abxe@%&#;\\u<>=?é"), max_size=20)
forms = st.one_of(
    numbers("+61491570006"), *(addresses(each.address) for each in SOUGHT if each.address is not None),
    st.just("jane.q-7@xn--strae-oqa.example"), st.just("o'brien@xn--bcher-kva.example"),
)  # fmt: skip


@example("x@localhost-")
@example("write to x@localhost---, please")
@example("0\u31644\u31649\u31641\u31645\u31647\u31640\u31641\u31645\u31646")
@settings(max_examples=examples(120, long=400), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.builds(lambda before, form, after: f"{before}{form}{after}", around, forms, around))
async def test_the_database_lists_what_the_eraser_finds(db: Database, text: str) -> None:
    text = text.replace("\x00", "").encode("utf-8", "ignore").decode()
    for written, value in ((text, text), (json.dumps(text), text), (json.dumps(text, ensure_ascii=False), text)):
        keys = await db.fetchval("SELECT search_keys($1)", written)
        for each in SOUGHT:
            if each.mentioned(value):
                assert not {*each.lookups, "*"}.isdisjoint(keys), (each, written)
                assert await db.fetchval("SELECT $1::text ~* $2", written, each.pattern), (each, written)


async def test_hostile_texts_are_listed_in_time(db: Database) -> None:
    """A statement that takes longer than thirty seconds is cancelled."""
    for text in (
        "1" * 65_536, "1 " * 30_000, "@" * 60_000, "a@" * 30_000, "%25" * 20_000, "&amp;" * 12_000, "<b" * 30_000,
        "=?a?b?" * 9_000, "é" * 60_000, "&#48;" * 12_000, "\\u0031" * 10_000, "%" + "25" * 30_000, "0é" * 30_000,
        "".join(f"&#{n};" for n in range(1000, 9000)),
    ):  # fmt: skip
        assert await db.fetchval("SELECT search_keys($1)", text) is not None


async def test_a_text_without_either_has_no_keys(db: Database) -> None:
    for text in ("", "nothing", "2024", "100 %", "a & b", "naïve café", "line\nfeed"):
        assert await db.fetchval("SELECT search_keys($1)", text) == []
