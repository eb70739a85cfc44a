"""What is looked at before a server starts anything: every setting that could keep one of its processes from working.

Each fault is told with the setting's option and variable, what is wrong, and what is allowed. Values that may hold a
secret are never repeated.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import phonenumbers
import structlog

from callfloor import data_folder
from callfloor.app.media import open_media
from callfloor.app.telephony import asterisk_setup
from callfloor.media.encryption import parse_key
from callfloor.media.errors import BlobConfigError, BlobStoreWrong, BlobUnreadable
from callfloor.postgres.server import EmbeddedServerError, binaries
from callfloor.rules.privacy.wrapping import KeyUnusable, parse
from callfloor.settings import Settings, SettingsError
from callfloor.telephony.asterisk.setup import SetupError

log = structlog.get_logger("callfloor.serve")
# How long a media store elsewhere may take to say which keys it knows; then the server starts without the answer.
STORE_S = 5.0


def check(settings: Settings, role: str) -> None:
    """Look at the settings of a server that plays the role. Raises `SettingsError` for the first that is wrong."""
    check_addresses(settings, role)
    _master_key(settings)
    _data(settings)
    _media(settings)
    if role in ("all", "floor") and settings.carrier == "asterisk":
        _asterisk(settings)
    if role in ("all", "jobs") and settings.smtp_port is not None:
        _smtp(settings)


def check_addresses(settings: Settings, role: str) -> None:
    """Of these, where it listens: before anything is bound. Raises `SettingsError`."""
    _host("host", settings.host)
    if role in ("all", "jobs") and settings.smtp_port is not None:
        _host("smtp_host", settings.smtp_host)


def _host(name: str, host: str) -> None:
    try:
        socket.getaddrinfo(host, 0, socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            name, f"{host!r} is no address of this machine: give one such as 127.0.0.1 or ::"
        ) from error


def _master_key(settings: Settings) -> None:
    """Before a folder or a database is made. What the file holds is said when it is read."""
    try:
        for each in settings.master_key.split(",") if settings.master_key else ():
            parse(each)
    except KeyUnusable as error:
        raise SettingsError("master_key", f"a key {error}") from None


def _data(settings: Settings) -> None:
    # Asterisk, as a user of its own, reads the prompts there
    gives_prompts = settings.carrier == "asterisk" and settings.asterisk_prompts is None
    try:
        data_folder.make(settings.data, passable=gives_prompts)
    except OSError as error:
        raise _unwritable("data", settings.data, error) from error
    _folder("data", settings.data)
    if settings.secrets is None:
        _folder("data", settings.secrets_folder)
    if settings.database_url is None:
        try:
            binaries()
        except EmbeddedServerError as error:
            raise SettingsError("database_url", str(error)) from error


def _folder(name: str, folder: Path, mode: int = 0o700) -> None:
    """Make the folder where it is missing, and see that files can be made in it."""
    try:
        folder.mkdir(mode, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"callfloor")
    except OSError as error:
        raise _unwritable(name, folder, error) from error


def _unwritable(name: str, folder: Path, error: OSError) -> SettingsError:
    return SettingsError(name, f"{folder} cannot be written ({error.strerror}): {_remedy(error)}")


def _remedy(error: OSError) -> str:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "make room there, or give another folder" if full else "give a folder that this user may write in"


def _media(settings: Settings) -> None:
    if settings.media_key:
        try:
            parse_key(settings.media_key)
        except BlobConfigError as error:
            raise SettingsError("media_key", str(error)) from None
    try:
        blobs = open_media(settings)
    except BlobConfigError as error:
        raise SettingsError("media_url", str(error)) from error
    try:
        asyncio.run(asyncio.wait_for(blobs.check(), STORE_S))
    except BlobUnreadable as error:
        raise SettingsError("media_key", f"{error}; set the key that it was written with") from error
    except TimeoutError:
        log.warning("media-store-unanswered", seconds=STORE_S)
    except BlobStoreWrong as error:
        raise SettingsError("media_url", f"{error}; look at the bucket's name and the AWS_ variables") from error
    except OSError as error:
        if blobs.is_folder:
            raise SettingsError(
                "media_url" if settings.media_url else "data",
                f"the media folder {settings.media_location} cannot be used ({error.strerror}): {_remedy(error)}",
            ) from error
        log.warning("media-store-away", reason=str(error))


def _asterisk(settings: Settings) -> None:
    try:
        setup = asterisk_setup(settings)
    except SetupError as error:
        raise SettingsError(error.setting, str(error)) from error
    if settings.asterisk_country is not None and settings.asterisk_country not in phonenumbers.SUPPORTED_REGIONS:
        raise SettingsError("asterisk_country", "is no country: give two letters such as AU")
    if setup.prompts is not None:
        _folder("asterisk_prompts", setup.prompts)
    if setup.recordings is not None and not os.access(setup.recordings, os.R_OK | os.X_OK):
        raise SettingsError(
            "asterisk_recordings", f"{setup.recordings} cannot be read: give the folder of Asterisk's recordings"
        )


def _smtp(settings: Settings) -> None:
    certificate, key = settings.smtp_certificate, settings.smtp_certificate_key
    if key is not None and certificate is None:
        raise SettingsError("smtp_certificate_key", "there is a key without a certificate: set smtp_certificate too")
    if certificate is not None:
        with _read_as("smtp_certificate", certificate):
            certificate.read_bytes()
        if key is not None:
            with _read_as("smtp_certificate_key", key):
                key.read_bytes()
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, _no_password)
        except (ssl.SSLError, ValueError) as error:
            raise SettingsError(
                "smtp_certificate",
                f"{certificate} and its private key cannot be used: two PEM files that belong together are needed, "
                "the key without a password",
            ) from error


def _no_password() -> str:
    # asked for on the terminal otherwise
    raise ValueError("the key has a password")


@contextmanager
def _read_as(name: str, path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsError(name, f"{path} cannot be read: {error.strerror}") from error
