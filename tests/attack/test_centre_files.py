"""Centre files that were made to take time or memory, and to have much said of them."""

from __future__ import annotations

import pytest

from callfloor.centre import CentreError, parse
from callfloor.centre.source import MOST_MISTAKES, MOST_PARTS
from tests.conftest import Centre

TOML = {"Content-Type": "application/toml"}
DEEP = {
    "a key": ".".join(["a"] * 200_000) + " = 1",
    "a key of strings": ".".join(['"a b"'] * 100_000) + " = 1",
    "a key with spaces": " . ".join(["a"] * 100_000) + " = 1",
    "a table": "[" + ".".join(["a"] * 200_000) + "]\n",
    "an array of tables": "[[" + ".".join(["a"] * 200_000) + "]]\n",
    "a key inside an inline table": "a = {b = 1, " + ".".join(["a"] * 200_000) + " = 1}",
    "a key behind a comment with a quotation mark": '# """\n' + ".".join(["a"] * 200_000) + " = 1",
    "a key behind a string with a hash": 'b = "#"\n' + ".".join(["a"] * 200_000) + " = 1",
    "many tables": "".join("[" + ".".join(["a"] * (n % 1_000 + 1)) + f".b{n}]\n" for n in range(1_200)),
}


@pytest.mark.parametrize("name", DEEP)
def test_no_key_is_read_that_has_more_parts_than_any_has(name: str) -> None:
    with pytest.raises(CentreError, match=f"more than {MOST_PARTS} parts"):
        parse(DEEP[name], "centre.toml")


def test_dots_that_are_no_key_are_taken() -> None:
    names = ", ".join(f'"jane.doe.{n}"' for n in range(500))
    text = f'a = [{names}]\nb = """{"A sentence. " * 200}"""\nc = [{"1.5, " * 200}]\n# {"... " * 100}\n'
    assert len(parse(text, "centre.toml").tree["a"]) == 500


async def test_a_hundred_mistakes_are_told_and_how_many_there_are_more(centre: Centre) -> None:
    file = "".join(f"k{n} = 1\n" for n in range(20_000)) + f'"{"x" * 100_000}" = 1\n'
    answer = await centre.client.post("http://callfloor.test/admin/v1/centre/plan", content=file, headers=TOML)
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert len(errors) == MOST_MISTAKES + 1
    assert errors[-1]["message"] == f"and {20_001 - MOST_MISTAKES:,} mistakes more"
    assert len(answer.content) < 100_000
