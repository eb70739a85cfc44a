"""Where a centre file says that secrets are: in files of one folder, or in variables of the server's environment."""

from __future__ import annotations

import re

from callfloor.centre import values
from callfloor.centre.lines import Path
from callfloor.centre.source import Report
from callfloor.centre.values import WRONG, Wrong

# No other variable can be sent to a server that a centre file names.
_VARIABLE = re.compile(r"CALLFLOOR_SECRET_[A-Z0-9_]{1,100}")
# Which folder it is, the server knows; it reads no other (mail/secret_files.py).
_FILE = re.compile(r"(?:/(?:[A-Za-z0-9_.-]{1,100}/){0,20})?[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def secret_variable(report: Report, path: Path, value: object) -> str | Wrong:
    found = values.text(report, path, value)
    if found is WRONG or _VARIABLE.fullmatch(found):
        return found
    report.wrong(path, "must be a name such as CALLFLOOR_SECRET_MAIL, in capitals and with that beginning")
    return WRONG


def secret_file(report: Report, path: Path, value: object) -> str | Wrong:
    found = values.text(report, path, value)
    if found is WRONG or (_FILE.fullmatch(found) and ".." not in found.split("/")):
        return found
    report.wrong(path, "must be the name of a file in the server's folder of secrets (CALLFLOOR_SECRETS)")
    return WRONG
