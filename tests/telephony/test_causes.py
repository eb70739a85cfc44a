"""Every final answer of SIP and what it means to the floor."""

from __future__ import annotations

import pytest

from callfloor.telephony.asterisk.causes import cause_of
from callfloor.telephony.carrier import Cause


@pytest.mark.parametrize(
    ("cause", "status", "meaning"),
    [
        (1, 404, "invalid"),
        (1, 604, "invalid"),
        (22, 410, "invalid"),
        (28, 484, "invalid"),
        (17, 486, "busy"),
        (17, 600, "busy"),
        (18, 408, "no-answer"),
        (19, 480, "no-answer"),
        (21, 403, "rejected"),
        (21, 603, "rejected"),
        (127, 607, "rejected"),
        (127, 608, "rejected"),
        (21, 401, "failed"),
        (21, 407, "failed"),
        (19, 483, "failed"),
        (3, 420, "failed"),
        (27, 502, "failed"),
        (34, 503, "failed"),
        (38, 500, "failed"),
        (58, 488, "failed"),
        (102, 504, "failed"),
        (127, 400, "failed"),
        (23, 302, "failed"),
        (0, None, "failed"),
        (None, None, "failed"),
        (16, None, "cancelled"),
    ],
)
def test_an_end_before_the_answer_means_what_its_cause_says(cause: int, status: int, meaning: Cause) -> None:
    assert cause_of(cause, status, answered=False, cancelled=False) == meaning


def test_an_answered_call_is_hung_up_whatever_the_network_says() -> None:
    assert cause_of(44, None, answered=True, cancelled=False) == "hang-up"
    assert cause_of(17, 486, answered=True, cancelled=True) == "hang-up"


def test_a_call_that_we_let_go_is_cancelled_whatever_the_network_says() -> None:
    assert cause_of(19, 480, answered=False, cancelled=True) == "cancelled"
