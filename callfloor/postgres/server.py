"""A PostgreSQL of our own in the data folder, shared by the processes that use it, reached by Unix socket."""

from __future__ import annotations

import fcntl
import hmac
import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from callfloor.postgres.cluster import NAME, PORT, Cluster, EmbeddedServerError, StartStopped, last_lines, wheel

__all__ = ["EmbeddedServer", "EmbeddedServerError", "StartStopped", "binaries"]

START_S = 300.0  # recovery after a crash reads up to max_wal_size of log
STOP_S = 120.0
RETRY_S = 45.0  # longer than a session's statement_timeout, which ends a leftover that we cannot see
POLL_S = 0.05

# What a start says while processes of a killed server still hold its memory or its lock files.
NOT_YET = ("pre-existing shared memory block", "lock file")


def binaries() -> Path:
    """The folder of initdb, pg_ctl and pg_dump; `PGSERVER_POSTGRES_VERSION` chooses among the wheel's versions."""
    return wheel()[1]


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"{text}\n")


class EmbeddedServer:
    """One use of a data folder's server. All uses share one server; the last to release stops it.

    A use is a shared lock on `postgres.users`, which vanishes with its process. Who holds `postgres.lock`
    decides on a start or a stop.
    """

    def __init__(self, cluster: Cluster, stopped: Callable[[], bool]) -> None:
        """`start_or_join` is the way to get one."""
        self._cluster, self._stopped = cluster, stopped
        self._users: int | None = None
        self._ending = False
        self._password = ""

    @classmethod
    def start_or_join(
        cls,
        data: Path,
        *,
        fsync: bool = True,
        notice: Callable[[str], None] = _to_stderr,
        stopped: Callable[[], bool] = lambda: False,
    ) -> EmbeddedServer:
        """Use the server of folder `data`: made when there is none, started when it is down.

        `notice` is told of every folder whose mode had to change. `fsync=False` may lose data in a power cut.
        `stopped` is asked again and again whether to go on; what was begun is undone then.
        Raises `EmbeddedServerError`, `StartStopped`.
        """
        with _plain_errors(data, "started"):
            server = cls(Cluster(data, fsync=fsync, stopped=stopped), stopped)
            with server._locked() as lock:
                server._take(lock, notice)
        return server

    @property
    def dsn(self) -> str:
        """URL of the database. Its sessions keep their errors out of the server's log: they may quote data."""
        where = f"host={quote(str(self._cluster.socket.parent))}&port={PORT}"
        quiet = quote("-c log_min_messages=log", safe="")
        return f"postgresql://{NAME}:{quote(self._password, safe='')}@/{NAME}?{where}&options={quiet}"

    def password_of(self, role: str) -> str:
        """The password of a role that is ours too: it follows from the owner's, and says nothing of it."""
        return hmac.digest(self._password.encode(), role.encode(), "sha256").hex()

    def ensure_running(self) -> None:
        """Start the server when it has died; return once it takes connections. After `release`: nothing.

        Raises `EmbeddedServerError`.
        """
        with _plain_errors(self._cluster.data, "restarted"):
            if self._cluster.is_reachable() and self._cluster.status() == "ready":
                return
            with self._locked():
                if self._users is not None:
                    self._bring_up(self._users)

    def release(self) -> None:
        """End this use; the last one stops the server. Again: nothing. Raises `EmbeddedServerError`."""
        released = self._users is None
        if released:
            return
        self._ending = True
        with _plain_errors(self._cluster.data, "stopped"), self._locked():
            users, self._users = self._users, None
            if users is None:
                return
            try:
                if _alone(users) and (self._cluster.is_reachable() or self._lives()):
                    self._cluster.stop(STOP_S)
            finally:
                fcntl.flock(users, fcntl.LOCK_UN)  # a forked child may hold a copy of the descriptor
                os.close(users)

    @contextmanager
    def _locked(self) -> Generator[int]:
        lock = self._cluster.open(self._cluster.data / "postgres.lock", os.O_RDWR)
        deadline = time.monotonic() + START_S + RETRY_S
        try:
            while not _try_exclusive(lock):
                self._go_on()
                if time.monotonic() > deadline:
                    raise EmbeddedServerError(
                        "Another process has been starting or stopping the database of "
                        f"{self._cluster.data} for minutes: look at it, or end it, and try again."
                    )
                time.sleep(POLL_S)
            yield lock
        finally:
            os.close(lock)

    def _take(self, lock: int, notice: Callable[[str], None]) -> None:
        cluster = self._cluster
        users = cluster.open(cluster.data / "postgres.users", os.O_RDWR)
        try:
            fcntl.flock(users, fcntl.LOCK_SH)
            exists = cluster.check()
            if not cluster.is_reachable():
                cluster.user.let_in((cluster.data, cluster.programs), cluster.programs.parent, notice)
            if not exists:
                cluster.initialise(lock)
            self._password = cluster.password()
            self._bring_up(users)
        except BaseException:
            try:
                if self._stopped() and _alone(users) and self._lives():
                    cluster.stop(STOP_S)
            finally:
                os.close(users)
            raise
        self._users = users

    def _bring_up(self, users: int) -> None:
        cluster = self._cluster
        started = time.monotonic()
        while not (cluster.is_reachable() and cluster.status() == "ready"):
            if cluster.is_reachable():
                if cluster.status() == "stopping":  # else it would wait for its last session to end by itself
                    cluster.stop(STOP_S)
                elif time.monotonic() > started + START_S:
                    raise EmbeddedServerError(
                        f"PostgreSQL in {cluster.data} has not become ready in {START_S:.0f} s: "
                        f"look at {cluster.log} and try again."
                    )
            else:
                self._clear_away(users)
                said = cluster.start(START_S)
                if said is None:
                    return
                self._go_on()
                if time.monotonic() > started + RETRY_S or not any(text in said for text in NOT_YET):
                    raise EmbeddedServerError(
                        f"PostgreSQL did not start in {cluster.data}: see {cluster.log}, remove the cause and "
                        f"start again. It said: {last_lines(said)}"
                    )
            self._go_on()
            time.sleep(POLL_S)

    def _go_on(self) -> None:
        if self._stopped() and not self._ending:
            raise StartStopped(f"the start of the database of {self._cluster.data} was stopped")

    def _lives(self) -> bool:
        return self._cluster.postmaster() in self._cluster.processes()

    def _clear_away(self, users: int) -> None:
        """End what is left of a server that cannot be reached, so that another can start."""
        cluster = self._cluster
        alone = _alone(users)
        if postmaster := cluster.postmaster():
            with suppress(ChildProcessError):  # process 1 of a container inherits it, and must bury it
                os.waitpid(postmaster, os.WNOHANG)
        if not Path("/proc/self/cwd").exists():
            return
        deadline = time.monotonic() + RETRY_S
        while self._lives() and not alone:
            if cluster.is_reachable():
                return
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"PostgreSQL runs in {cluster.data} (process {postmaster}) but cannot be reached through "
                    f"{cluster.socket}: stop the other processes that use it and start again."
                )
            self._go_on()
            time.sleep(POLL_S)
        if self._lives():
            cluster.stop(STOP_S)
        while left := cluster.processes():
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"Processes {left} of a dead server do not end: end them, start again.")
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(POLL_S)
        if alone:
            cluster.remove_lock_files()


@contextmanager
def _plain_errors(data: Path, what: str) -> Generator[None]:
    try:
        yield
    except OSError as cause:
        raise EmbeddedServerError(
            f"The embedded PostgreSQL of {data} cannot be {what}: {cause.strerror} ({cause.filename}); "
            "check the owner, the mode and the free space there, and try again."
        ) from cause


def _try_exclusive(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _alone(users: int) -> bool:
    """Whether no other use exists; our own share is kept. Under the lock only."""
    alone = _try_exclusive(users)
    fcntl.flock(users, fcntl.LOCK_SH)  # a failed upgrade may have dropped it
    return alone
