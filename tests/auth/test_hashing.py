"""Passwords are hashed as slowly as the product says, whatever tests make of it in their own process."""

from __future__ import annotations

import subprocess
import sys

PARAMETERS = "from callfloor.api.auth.hashing import HASHER; print(HASHER.hash('heron lantern quartz'))"


def test_a_hash_takes_64_mib_and_three_passes() -> None:
    done = subprocess.run([sys.executable, "-c", PARAMETERS], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
