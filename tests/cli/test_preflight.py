"""Every setting is looked at before a server starts anything."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from callfloor import data_folder, master_key
from callfloor.cli import session
from callfloor.listening import listening
from callfloor.media.blobs import open_blobs
from callfloor.preflight import SettingsError, check
from callfloor.settings import Settings
from callfloor.store.db.roles import Addresses
from callfloor.supervision import MOST_DEATHS, STEADY_S, Child, Restarts, ServeError, Supervisor
from callfloor.telemetry import SELDOM_S, Seldom
from tests.cli.conftest import assert_refused, callfloor
from tests.mail.servers import self_signed


def settings(**given: Any) -> Settings:
    return Settings(**given)


KEY = base64.b64encode(bytes(32)).decode()


def file_in(folder: Path) -> Path:
    (folder / "file").write_text("text", "utf-8")
    return folder / "file"


# what is set -> the setting that the refusal names, and what it says
WRONG: dict[str, tuple[Callable[[Path], dict[str, Any]], str, str]] = {
    "a short master key": (lambda _: {"master_key": "xx"}, "CALLFLOOR_MASTER_KEY", "base64"),
    "a short media key": (lambda _: {"media_key": "abcd"}, "CALLFLOOR_MEDIA_KEY", "32 bytes"),
    "a media key of another alphabet": (lambda _: {"media_key": "§" * 44}, "CALLFLOOR_MEDIA_KEY", "32 bytes"),
    "a media store of another kind": (lambda _: {"media_url": "foo://x"}, "--media-url (CALLFLOOR_MEDIA_URL)", "s3://"),
    "a media store without a bucket": (lambda _: {"media_url": "s3://"}, "CALLFLOOR_MEDIA_URL", "s3://bucket"),
    "a media store that is half an address": (lambda _: {"media_url": "s3:x"}, "CALLFLOOR_MEDIA_URL", "s3://bucket"),
    "a media folder under a file": (lambda f: {"media_url": f"{file_in(f)}/x"}, "CALLFLOOR_MEDIA_URL", "cannot be"),
    "a media folder that is a file": (lambda f: {"media_url": str(file_in(f))}, "CALLFLOOR_MEDIA_URL", "/file"),
    "a media folder that is the kernel's": (lambda _: {"media_url": "/proc/m"}, "CALLFLOOR_MEDIA_URL", "/proc/m"),
    "a data folder under a file": (lambda f: {"data": file_in(f) / "data"}, "--data (CALLFLOOR_DATA)", "Not a dir"),
    "a data folder that cannot be written": (lambda _: {"data": Path("/proc/1")}, "CALLFLOOR_DATA", "/proc/1"),
    "an address that is none": (lambda _: {"host": "no such host"}, "--host (CALLFLOOR_HOST)", "127.0.0.1"),
    "an address for e-mail that is none": (
        lambda _: {"smtp_port": 0, "smtp_host": "300.1.1.1"}, "CALLFLOOR_SMTP_HOST", "127.0.0.1"
    ),
    "a certificate that is not there": (
        lambda f: {"smtp_port": 0, "smtp_certificate": f / "none.pem"}, "CALLFLOOR_SMTP_CERTIFICATE", "none.pem"
    ),
    "a certificate that is none": (
        lambda f: {"smtp_port": 0, "smtp_certificate": file_in(f)}, "CALLFLOOR_SMTP_CERTIFICATE", "PEM"
    ),
    "a key without its certificate": (
        lambda f: {"smtp_port": 0, "smtp_certificate_key": file_in(f)}, "CALLFLOOR_SMTP_CERTIFICATE_KEY", "certificate"
    ),
    "no Asterisk": (lambda _: {"carrier": "asterisk", "asterisk_urls": " , "}, "CALLFLOOR_ASTERISK_URLS", "http://"),
    "an Asterisk that is no web address": (
        lambda _: {"carrier": "asterisk", "asterisk_urls": "u:s3cret@pbx"}, "CALLFLOOR_ASTERISK_URLS", "http://"
    ),
    "a trunk without its number": (
        lambda _: {"carrier": "asterisk", "asterisk_trunks": "PJSIP/x"}, "CALLFLOOR_ASTERISK_TRUNKS", "{number}"
    ),
    "an agent's phone without the agent": (
        lambda _: {"carrier": "asterisk", "asterisk_agent": "PJSIP/x"}, "CALLFLOOR_ASTERISK_AGENT", "{agent}"
    ),
    "a country that is none": (
        lambda _: {"carrier": "asterisk", "asterisk_country": "Ozz"}, "CALLFLOOR_ASTERISK_COUNTRY", "AU"
    ),
    "prompts where nothing can be written": (
        lambda _: {"carrier": "asterisk", "asterisk_prompts": Path("/proc/p")}, "CALLFLOOR_ASTERISK_PROMPTS", "/proc/p"
    ),
    "recordings that are not there": (
        lambda f: {"carrier": "asterisk", "asterisk_recordings": f / "no"}, "CALLFLOOR_ASTERISK_RECORDINGS", "/no"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_setting_that_no_process_could_work_with_is_refused_by_name(tmp_path: Path, what: str) -> None:
    make, name, said = WRONG[what]
    given = {"data": tmp_path / "data"} | make(tmp_path)
    with pytest.raises(SettingsError) as refused:
        check(settings(**given), "all")
    assert name in str(refused.value).split(": ", 1)[0]
    assert said in str(refused.value)
    assert "s3cret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_port_for_e_mail_that_is_taken_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = callfloor(
            "serve", "--data", tmp_path / "data", "--port", "0", CALLFLOOR_SMTP_PORT=port, CALLFLOOR_WORKERS="1"
        )
    assert_refused(done, 2, f"CALLFLOOR_SMTP_PORT: cannot listen on 127.0.0.1:{port} ")
    assert not (tmp_path / "data").exists()


def test_settings_that_work_are_let_through(tmp_path: Path) -> None:
    chain, key = self_signed(tmp_path)
    check(
        settings(data=tmp_path / "data", media_key=KEY, smtp_port=0, smtp_certificate=chain, smtp_certificate_key=key),
        "all",
    )


def test_a_role_is_not_refused_for_the_settings_of_another(tmp_path: Path) -> None:
    wrong = settings(data=tmp_path / "data", smtp_port=0, smtp_host="300.1.1.1", carrier="asterisk", asterisk_urls="x")
    check(wrong, "api")


def test_a_store_that_is_encrypted_needs_one_of_its_keys(tmp_path: Path) -> None:
    folder = tmp_path / "media"
    asyncio.run(open_blobs(str(folder), bytes(32)).put(1, b"recording"))
    for key in (None, base64.b64encode(bytes(31) + b"x").decode()):
        with pytest.raises(SettingsError, match=r"^CALLFLOOR_MEDIA_KEY: .* encrypted with the key of id [0-9a-f]{16}"):
            check(settings(data=tmp_path / "data", media_url=str(folder), media_key=key), "api")
    check(settings(data=tmp_path / "data", media_url=str(folder), media_key=KEY), "api")


@pytest.mark.parametrize("command", ["serve", "work", "demo"])
def test_a_wrong_setting_ends_a_server_before_it_starts_anything(tmp_path: Path, command: str) -> None:
    done = callfloor(command, "--data", tmp_path / "data", CALLFLOOR_MEDIA_KEY="abcd", CALLFLOOR_PORT="0")
    assert_refused(done, 2, "CALLFLOOR_MEDIA_KEY: ")
    assert "abcd" not in done.stderr
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_variable_that_is_no_setting_is_warned_about_with_the_nearest() -> None:
    done = callfloor("token", "list", CALLFLOOR_MEDIA_KY="x", CALLFLOOR_DATABASE_URL="postgresql://127.0.0.1:1/x")
    first, second = done.stderr.splitlines()
    assert first == "callfloor: warning: CALLFLOOR_MEDIA_KY is no setting; did you mean CALLFLOOR_MEDIA_KEY?"
    assert second.startswith("callfloor: the database cannot be used")
    for name in ("CALLFLOOR_SECRET_CARE", "CALLFLOOR_PORT", "CALLFLOORING"):
        assert "warning" not in callfloor("asterisk", "check", **{name: "1"}).stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "abc", "--port (CALLFLOOR_PORT): abc: must be a whole number"),
        ("CARRIER_PACE", "fast", "CALLFLOOR_CARRIER_PACE: fast: must be a number"),
        (
            "TRUSTED_PROXIES",
            "foo",
            "CALLFLOOR_TRUSTED_PROXIES: foo: 'foo' does not appear to be an IPv4 or IPv6 network",
        ),
        ("PUBLIC_URL", "calls.example.com", "calls.example.com: is not written as it has to be: Where people reach"),
    ],
)
def test_what_is_wrong_with_a_setting_is_said_in_words_of_the_reader(name: str, value: str, said: str) -> None:
    done = callfloor("serve", **{f"CALLFLOOR_{name}": value})
    assert_refused(done, 2, said)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (errno.EADDRINUSE, "(Address already in use): is another server running? Choose a port with --port"),
        (errno.EACCES, "(Permission denied): this user may not take a port below 1024. Choose a port with --port"),
        (errno.EADDRNOTAVAIL, "(Cannot assign requested address): choose a port with --port or CALLFLOOR_PORT, an"),
    ],
)
def test_a_port_that_cannot_be_had_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, fault: int, said: str
) -> None:
    def refused(address: object, **_: object) -> socket.socket:
        raise OSError(fault, f"{os.strerror(fault)} (while attempting to bind on address {address})")

    monkeypatch.setattr(socket, "create_server", refused)
    with pytest.raises(ServeError) as error, listening(settings(port=80), "all"):
        pass
    assert str(error.value).startswith(f"cannot listen on 127.0.0.1:80 {said}")


def test_a_full_disk_is_no_matter_of_who_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(data_folder, "make", full)
    with pytest.raises(SettingsError, match=r"\(No space left on device\): make room there"):
        check(settings(data=tmp_path / "data"), "api")


def test_a_master_key_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    key = tmp_path / master_key.FILE
    key.write_text(KEY, "ascii")
    key.chmod(0o644)
    with capture_logs() as logs:
        assert master_key.read(settings(data=tmp_path, master_key="")) is not None
        assert master_key.read(settings(data=tmp_path, master_key="")) is not None
    assert [each["event"] for each in logs] == ["master-key-closed"]
    assert key.stat().st_mode & 0o777 == 0o600


def test_what_goes_on_and_on_is_written_once_a_minute() -> None:
    now = 0.0
    seldom = Seldom(lambda: now)
    assert [seldom.is_due("NoSpace"), seldom.is_due("NoSpace"), seldom.is_due("Away")] == [True, False, True]
    now = SELDOM_S
    assert [seldom.is_due("NoSpace"), seldom.is_due("NoSpace")] == [True, False]


def test_a_variable_that_is_set_to_nothing_is_not_set() -> None:
    done = callfloor("serve", "--port", "70000", CALLFLOOR_WORKERS="", CALLFLOOR_DATA="")
    assert_refused(done, 2, "--port (CALLFLOOR_PORT): 70000: must be less than or equal to 65535")


def test_a_process_that_dies_is_started_again_later_and_later_and_then_given_up() -> None:
    restarts = Restarts()
    pauses = [restarts.pause(0.1) for _ in range(MOST_DEATHS)]
    assert pauses == [0.5, 1, 2, 4, 8, 15, 15, None]
    # who has lived for a while died of something new
    assert restarts.pause(STEADY_S) == 0.5
    assert restarts.pause(1) == 1


async def test_a_server_whose_process_cannot_live_ends_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callfloor.supervision.PAUSE_S", 0.001)
    monkeypatch.setattr("callfloor.supervision.LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    supervisor = Supervisor(
        settings(data=tmp_path), Addresses.one("postgresql://127.0.0.1:1/x"), None, None, asyncio.Event()
    )
    with pytest.raises(ServeError, match=r"^the (jobs|mail) process died 8 times in a row \(code 1\)"):
        await supervisor.run([Child("jobs", 0), Child("mail", 0)], lambda: None)


def test_an_interrupted_start_says_nothing() -> None:
    """Ctrl-C while the program itself is loaded."""
    with subprocess.Popen([sys.executable, "-m", "callfloor"], stderr=subprocess.PIPE) as process:
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    assert said == b""


def test_a_signal_while_settings_are_read_stops_and_is_not_taken_for_a_wrong_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(_number: int, _frame: object) -> None:
        raise SystemExit(143)

    class Checked(Settings):
        def __init__(self, **given: Any) -> None:
            try:
                signal.raise_signal(signal.SIGTERM)
            except SystemExit as error:
                raise ValueError("is not written as it has to be") from error
            super().__init__(**given)

    before = signal.signal(signal.SIGTERM, stop)
    monkeypatch.setattr(session, "Settings", Checked)
    try:
        with pytest.raises(SystemExit) as stopped:
            session.settings()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert stopped.value.code == 143
