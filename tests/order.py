"""The order of tests: those that wait and those that work beside each other, so that two cores are never idle.

Each of a run's workers begins with a share of the order that is as long as any other's, and who is idle takes from the
end of the longest (pytest-xdist's `worksteal`). So tests that wait are put at the beginning of half of the shares:
while two workers wait, two work, and the end of each share is work that anybody can take over.
"""

from __future__ import annotations

from collections.abc import Sequence

# Real calls in real time, pages, processes that are killed, stopped and installed, commands of documents. A folder or
# file each, dealt in this order to those who wait: the longest first, each against one as long.
WAITING = (
    "tests/asterisk/",
    "tests/console/",
    "tests/system/test_giving_root_up.py",
    "tests/system/test_crash.py",
    "tests/system/test_stopping.py",
    "tests/documents/",
    "tests/system/test_demo.py",
    "tests/system/test_stopping_at_work.py",
    "tests/system/test_floor_crash.py",
    "tests/store/test_embedded",
    "tests/cli/test_backup",
    "tests/system/test_first_install.py",
    "tests/system/test_mail_crash.py",
    "tests/system/test_scripted_callers.py",
    "tests/system/test_superusers.py",
)


def order(names: Sequence[str], workers: int) -> list[int]:
    """Places of the tests in `names` (node ids), in the order to run them by so many workers."""
    kept = range(len(names))
    groups = [[at for at in kept if names[at].startswith(each)] for each in WAITING]
    taken = {at for group in groups for at in group}
    working = [at for at in kept if at not in taken]
    dealt: list[list[int]] = [[] for _ in range(max(1, workers // 2))]
    for number, group in enumerate(filter(None, groups)):
        dealt[number % len(dealt)] += group
    share = len(names) // max(1, workers)
    found: list[int] = []
    for waiting in dealt:
        # the share of one worker: it waits, then it works
        filled = max(0, share - len(waiting))
        found += waiting + working[:filled]
        del working[:filled]
    return found + working
