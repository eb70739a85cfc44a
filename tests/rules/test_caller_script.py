from __future__ import annotations

import pytest

from callfloor.rules.workflow.caller_script import BETWEEN_S, ScriptError, parse_script


@pytest.mark.parametrize(
    ("keys", "pressed"),
    [
        ("", []),
        ("1", [(BETWEEN_S, "1")]),
        ("1,2s,#", [(0.3, "1"), (2.6, "#")]),
        ("12,0.5s,*", [(0.3, "1"), (0.6, "2"), (1.4, "*")]),
    ],
)
def test_a_script_says_when_each_key_is_pressed(keys: str, pressed: list[tuple[float, str]]) -> None:
    assert list(parse_script(keys, 8.0).keys) == pressed


@pytest.mark.parametrize(
    ("keys", "hang_up"),
    [
        ("a", None),
        ("1;2", None),
        ("1,,2", None),
        ("-1s", None),
        ("1" * 101, None),
        ("9999s", None),
        ("", -1),
        ("", 1e9),
    ],
)
def test_what_is_no_script_is_refused(keys: str, hang_up: float | None) -> None:
    with pytest.raises(ScriptError):
        parse_script(keys, hang_up)
