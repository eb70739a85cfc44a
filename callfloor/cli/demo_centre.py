"""What the demo's server runs when it is up: a process of its own, so that the demo can be stopped at any moment."""

from __future__ import annotations

import os
import select
import sys
import tempfile
import threading

from callfloor.cli.demo import show
from callfloor.cli.failures import say
from callfloor.settings import Settings


def main(arguments: list[str]) -> int:
    """`ADDRESS --lifeline DESCRIPTOR`; returns the exit code."""
    address, _, lifeline = arguments
    threading.Thread(target=_end_with_parent, args=(int(lifeline),), daemon=True).start()
    settings = Settings.model_validate_json(os.environ.pop("CALLFLOOR_CHILD_SETTINGS"))
    dsn = os.environ.pop("CALLFLOOR_CHILD_DSN")
    # what is left there when this is killed goes with the parent's folder
    tempfile.tempdir = os.environ.pop("CALLFLOOR_CHILD_FOLDER")
    try:
        show(settings, address, dsn)
    except Exception as error:
        code = say(error)
        if code is None:
            raise
        return code
    return 0


def _end_with_parent(lifeline: int) -> None:
    # nothing is ever written there, and a read would not wait: the descriptor is shared with event loops
    select.select([lifeline], [], [])
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
