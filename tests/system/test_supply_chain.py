"""The bill of materials says what the lock says, and a vulnerable version is found in a database that is given."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from supply_chain import sbom, vulnerabilities
from supply_chain.lock import LOCK, packages


def test_every_locked_package_is_in_the_bill_with_its_hashes(tmp_path: Path) -> None:
    assert sbom.main([str(tmp_path / "sbom.json")]) == 0
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert {each["purl"] for each in bill["components"]} == {
        f"pkg:pypi/{each.name}@{each.version}" for each in packages()
    }
    assert len(packages()) == sum("==" in line and not line.startswith(" ") for line in LOCK.read_text().splitlines())
    assert all(each["externalReferences"] for each in bill["components"])
    assert sum("licenses" in each for each in bill["components"]) > len(packages()) * 0.8
    again = tmp_path / "again.json"
    sbom.main([str(again)])
    assert again.read_text() == (tmp_path / "sbom.json").read_text()


def _affected(events: list[dict[str, str]], versions: list[str] | None = None) -> dict[str, Any]:
    return {"versions": versions or [], "ranges": [{"type": "ECOSYSTEM", "events": events}]}


@pytest.mark.parametrize(
    ("version", "affected", "expected"),
    [
        ("1.5", _affected([{"introduced": "0"}]), True),
        ("1.5", _affected([{"introduced": "0"}, {"fixed": "1.5"}]), False),
        ("1.4.9", _affected([{"introduced": "0"}, {"fixed": "1.5"}]), True),
        ("1.10", _affected([{"introduced": "1.2"}, {"fixed": "1.9"}]), False),
        ("1.5", _affected([{"introduced": "1.2"}, {"last_affected": "1.5"}]), True),
        ("1.6", _affected([{"introduced": "1.2"}, {"last_affected": "1.5"}]), False),
        ("2.1", _affected([{"fixed": "1.5"}, {"introduced": "0"}, {"introduced": "2"}, {"fixed": "2.2"}]), True),
        ("1.7", _affected([{"introduced": "0"}, {"fixed": "1.5"}, {"introduced": "2"}]), False),
        ("1.7", _affected([], ["1.7"]), True),
        ("1.7", {"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}, False),
    ],
)
def test_a_version_is_among_the_affected_or_not(version: str, affected: dict[str, Any], expected: bool) -> None:
    assert vulnerabilities.is_affected(version, affected) is expected


def _record(name: str, **given: Any) -> dict[str, Any]:
    about = {"package": {"ecosystem": "PyPI", "name": name}} | _affected([{"introduced": "0"}, {"fixed": "99999"}])
    return {"id": f"TEST-{name}", "modified": "2026-01-02T03:04:05Z", "summary": "Bad.", "affected": [about]} | given


@pytest.mark.parametrize("zipped", [False, True])
def test_a_vulnerable_version_is_named_with_the_age_of_the_database(
    tmp_path: Path, zipped: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [_record("UVICORN"), _record("not-here"), _record("msgspec", withdrawn="2026-01-01T00:00:00Z")]
    database = tmp_path / "osv"
    database.mkdir()
    for each in found:
        (database / f"{each['id']}.json").write_text(json.dumps(each))
    if zipped:
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for path in database.iterdir():
                archive.write(path, path.name)
        database = tmp_path / "all.zip"
    assert vulnerabilities.main([str(database)]) == 1
    said = capsys.readouterr().out
    assert "TEST-UVICORN Bad.; fixed in 99999" in said
    assert "1 known vulnerabilities" in said
    assert "Offline check" in said
    assert "2026-01-02" in said
    assert "days old" in said


def test_a_database_that_is_none_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert vulnerabilities.main([str(tmp_path)]) == 2
    assert vulnerabilities.main([str(tmp_path / "missing.zip")]) == 2
    assert "no records" in capsys.readouterr().err
