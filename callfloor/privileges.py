"""Giving root up: a server that root starts becomes another user for good, before it opens anything it works with.

Ports below 1024 are bound before, folders are handed over, and then parent, children and PostgreSQL are one user's, as
they are where that user starts the server. Where that user could not run the program, as with one that lies in root's
home, root stays root and says so; where somebody named the user, that is refused.
"""

from __future__ import annotations

import os
import pwd
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from callfloor.handover import CLUSTER, Handover
from callfloor.media.blobs import folder_of
from callfloor.postgres.server import EmbeddedServerError, binaries
from callfloor.postgres.service_user import ServiceUser
from callfloor.settings import Settings, SettingsError
from callfloor.supervision import ServeError

log = structlog.get_logger("callfloor.serve")


def give_up(settings: Settings, stopped: Callable[[], bool]) -> tuple[Settings, str | None]:
    """Where root runs this, become the service user. Gives the settings with whole paths, and why it stays root where
    that was not asked for.

    Raises `SettingsError`, `ServeError`; `StartStopped` where `stopped` says so.
    """
    if os.geteuid() != 0:
        _is_meant(settings.user)
        return settings, None
    settings = settings.with_whole_paths()
    user = chosen(settings)
    if user is not None and user.uid == 0:
        return settings, None
    obstacle = "there is no user callfloor, postgres or nobody" if user is None else _obstacle(user, settings)
    if user is None or obstacle is not None:
        if settings.user is not None:
            raise SettingsError("user", f"the server cannot run as {settings.user}: {obstacle}")
        return settings, f"the server stays root: {obstacle}; see docs/hardening.md"
    for name, path in _folders(settings):
        _reach(user, name, path)
    Handover(user, stopped).give(settings)
    _become(user)
    log.info("root-given-up", user=user.name)
    return settings, None


def _is_meant(name: str | None) -> None:
    """Raises `SettingsError` where another user is asked for than who we are."""
    if name is None:
        return
    user = _named(name)
    if user.uid != os.geteuid():
        raise SettingsError(
            "user", f"only root can become {user.name}, and {ServiceUser.of(os.geteuid()).name} started this"
        )


def _named(name: str) -> ServiceUser:
    user = ServiceUser.named(name)
    if user is None:
        raise SettingsError("user", f"there is no user {name}: adduser --system --group {name} makes one")
    return user


def chosen(settings: Settings) -> ServiceUser | None:
    """Whom root's server is to become; None: there is nobody. Raises `SettingsError` for a user who is none."""
    if settings.user is not None:
        return _named(settings.user)
    usual = list(ServiceUser.usual())
    owner = _owner(settings.data / CLUSTER) or _owner(settings.data)
    if owner and (owner not in {user.uid for user in usual} or ServiceUser.named("callfloor") is None):
        return ServiceUser.of(owner)
    return usual[0] if usual else None


def _owner(path: Path) -> int | None:
    try:
        return path.lstat().st_uid
    except OSError:
        return None


def _folders(settings: Settings) -> list[tuple[str, Path]]:
    media = folder_of(settings.media_location)
    if media is None or media.is_relative_to(settings.data):
        return [("data", settings.data)]
    return [("data", settings.data), ("media_url", media)]


@contextmanager
def _as(user: ServiceUser) -> Generator[None]:
    """Be the user for what files may be opened, and root again afterwards."""
    groups, group = os.getgroups(), os.getegid()
    try:
        _take_groups(user)
        os.setegid(user.gid)
        os.seteuid(user.uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _take_groups(user: ServiceUser) -> None:
    try:
        pwd.getpwuid(user.uid)
    except KeyError:
        os.setgroups([])
    else:
        os.initgroups(user.name, user.gid)


def _obstacle(user: ServiceUser, settings: Settings) -> str | None:
    """Why the user cannot run what runs here; None: nothing is in the way."""
    modules = {module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)}
    files = [Path(sys.executable), *(Path(file) for file in sorted(filter(None, modules)) if os.path.isabs(file))]
    if settings.database_url is None:
        # what else is wrong with them is said by the preflight
        with suppress(EmbeddedServerError):
            files += [binaries() / "postgres", binaries() / "initdb"]
    try:
        with _as(user):
            closed = next((file for file in files if not os.access(file, os.R_OK, effective_ids=True)), None)
    except OSError as error:
        return f"{user.name} cannot be become ({error.strerror})"
    if closed is None:
        return None
    return (
        f"{user.name} cannot read the program ({closed}), which belongs where all may read it, such as /opt/callfloor"
    )


def _reach(user: ServiceUser, name: str, path: Path) -> None:
    """Raises `SettingsError` where the user cannot pass to a folder, through those above that there are."""
    above = [part for part in reversed(path.parents) if part.exists()]
    with _as(user):
        closed = next((part for part in above if not os.access(part, os.X_OK, effective_ids=True)), None)
    if closed is not None:
        raise SettingsError(
            name,
            f"{user.name}, whom root's server becomes, cannot pass through {closed} to {path}: name a folder "
            "elsewhere, such as /var/lib/callfloor, or another --user",
        )


def _become(user: ServiceUser) -> None:
    """Be the user for good: groups first, while that is allowed, and the user last."""
    _take_groups(user)
    os.setresgid(user.gid, user.gid, user.gid)
    os.setresuid(user.uid, user.uid, user.uid)
    _cannot_come_back(user)
    with suppress(KeyError):
        entry = pwd.getpwuid(user.uid)
        # what libraries read in a home is not root's from now on
        os.environ |= {"HOME": entry.pw_dir, "USER": user.name, "LOGNAME": user.name}
    if not os.access(".", os.X_OK):
        os.chdir("/")
    tempfile.tempdir = None
    wanted = os.environ.get("TMPDIR")
    if wanted and not os.access(wanted, os.W_OK | os.X_OK):
        log.warning("spool-elsewhere", wanted=wanted, used=tempfile.gettempdir(), user=user.name)


def _cannot_come_back(user: ServiceUser) -> None:
    """Try to be root again, and look at what the kernel says of each thread. Raises `ServeError`."""
    ways = [lambda: os.setresuid(0, 0, 0), lambda: os.seteuid(0), lambda: os.setgroups([])]
    if user.gid != 0:
        ways.append(lambda: os.setresgid(0, 0, 0))
    for way in ways:
        with suppress(OSError):
            way()
            raise ServeError(f"root was given up for {user.name} and could be had again")
    for status in Path("/proc/self/task").glob("*/status"):
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        uids, gids = ({int(each) for each in fields[name].split()} for name in ("Uid", "Gid"))
        if uids != {user.uid} or gids != {user.gid} or int(fields["CapPrm"], 16):
            raise ServeError(f"a thread of the server kept rights of root after it became {user.name}")
