"""A centre file names passwords in one folder, and makes the server read, and send, no other file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from callfloor import data_folder
from callfloor.contract.mailboxes import Account
from callfloor.mail.accounts import SecretMissing, password
from callfloor.mail.secret_files import LONGEST


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    made.mkdir(0o700)
    (made / "care").write_text("hidden\r\n")
    (tmp_path / "outside").write_text("stolen\n")
    return made


def _password(folder: Path, named: str) -> str | None:
    return password(Account("mail.example.com", 993, "care", named), folder)


def test_a_file_of_the_folder_is_read_by_its_name_and_with_its_folder(folder: Path) -> None:
    assert _password(folder, "care") == _password(folder, f"{folder}/care") == "hidden"


@pytest.mark.parametrize(
    "named",
    [
        "../outside", "{folder}/../outside", "{parent}/outside", "/etc/passwd", "/proc/self/environ", "/dev/zero", ".",
        "..", "", "sub/care", "{folder}/sub/care", "./care", "link", "{folder}/link", "hard/care",
        "dangling", "pipe", "sub", "long", "missing", "care\x00.txt", "~/care", "latin",
        "{parent}/other/care",
    ],
)  # fmt: skip
def test_no_way_leads_out_of_the_folder(folder: Path, named: str) -> None:
    parent = folder.parent
    (folder / "link").symlink_to(parent / "outside")
    (folder / "hard").symlink_to(folder)
    (folder / "dangling").symlink_to(parent / "nowhere")
    (folder / "sub").mkdir()
    (folder / "sub" / "care").write_text("below\n")
    (folder / "long").write_text("x" * (LONGEST + 1))
    (folder / "latin").write_bytes(b"p\xe4ss")
    (parent / "other").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    with pytest.raises(SecretMissing) as refused:
        _password(folder, named.format(folder=folder, parent=parent))
    for secret in ("stolen", "hidden", "below"):
        assert secret not in str(refused.value)


def test_a_folder_that_is_a_link_or_that_others_write_into_is_refused(folder: Path) -> None:
    (folder.parent / "link").symlink_to(folder)
    with pytest.raises(SecretMissing):
        _password(folder.parent / "link", "care")
    folder.chmod(0o770)
    with pytest.raises(SecretMissing, match="chmod 700"):
        _password(folder, "care")


@pytest.mark.parametrize(("before", "after"), [(0o755, 0o700), (0o777, 0o700), (0o700, 0o700), (0o750, 0o700)])
def test_a_data_folder_that_others_could_read_is_closed(
    tmp_path: Path, before: int, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", os.stat(tmp_path).st_uid.__int__)
    wanted = 0o711 if os.geteuid() == 0 else after
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(before)
    data_folder.make(folder)
    assert folder.stat().st_mode & 0o777 == (before if before == 0o700 else wanted)
    data_folder.make(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o007 in (0, 1)


def test_a_folder_through_which_others_pass_shows_them_no_names(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    data_folder.make(folder, passable=True)
    assert folder.stat().st_mode & 0o777 == 0o711
