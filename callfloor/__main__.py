"""Where `callfloor` begins."""

from __future__ import annotations

import signal

# Until there is something to stop, Ctrl-C just ends the program: loading it takes long enough to be interrupted.
if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from callfloor.cli.main import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
