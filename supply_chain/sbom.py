"""`python -m supply_chain.sbom [FILE]`: the bill of materials of what is installed to run, CycloneDX 1.5 in JSON.

Made of the lock file, so that it says what an installation has whatever is installed here. The same lock gives the same
file, byte for byte, but for licences, which are read from the packages that are installed here.
"""

from __future__ import annotations

import json
import sys
import tomllib
import uuid
from importlib import metadata
from pathlib import Path
from typing import Any

from supply_chain.lock import Package, packages

PROJECT = Path(__file__).parent.parent / "pyproject.toml"


def bill(found: list[Package], version: str) -> dict[str, Any]:
    """The document."""
    root = f"pkg:pypi/callfloor@{version}"
    components = [_component(each) for each in found]
    content = json.dumps(components, sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application", "bom-ref": root, "name": "callfloor", "version": version, "purl": root,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": components,
        "dependencies": [{"ref": root, "dependsOn": [each["bom-ref"] for each in components]}],
    }  # fmt: skip


def _component(package: Package) -> dict[str, Any]:
    purl = f"pkg:pypi/{package.name}@{package.version}"
    found: dict[str, Any] = {
        "type": "library", "bom-ref": purl, "name": package.name, "version": package.version, "purl": purl,
        "externalReferences": [
            {"type": "distribution", "url": purl, "hashes": [{"alg": "SHA-256", "content": each}]}
            for each in package.hashes
        ],
    }  # fmt: skip
    licence = _licence(package.name)
    if licence is not None:
        found["licenses"] = [licence]
    return found


def _licence(name: str) -> dict[str, Any] | None:
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        # for another system
        return None
    if "License-Expression" in about:
        return {"expression": about["License-Expression"]}
    classified = [each.rpartition(" :: ")[2] for each in about.get_all("Classifier", []) if each.startswith("License")]
    written = about["License"].strip().splitlines() if "License" in about else []
    named = [*classified, *written]
    return {"license": {"name": named[0][:100]}} if named else None


def main(arguments: list[str]) -> int:
    version = tomllib.loads(PROJECT.read_text("utf-8"))["project"]["version"]
    text = json.dumps(bill(packages(), version), indent=2) + "\n"
    if arguments:
        Path(arguments[0]).write_text(text, "utf-8")
        print(f"{arguments[0]}: {len(packages())} components", file=sys.stderr)
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
