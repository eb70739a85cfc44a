"""Blobs in a folder. Plain system calls, because obstore's folder store does not sync to disk."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Hashable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from callfloor.media.storage import Spool, StoredObject
from callfloor.ownership import as_its_folder

TEMPORARY = ".temporary"
PIECE = 256 * 1024
NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)


class FolderStorage:
    """Objects as files under `root`, readable by their owner alone."""

    def __init__(self, root: Path) -> None:
        """Make the folder where it is missing. Raises `OSError` where that cannot be done."""
        self._root = root.absolute()
        self._temporary = self._root / TEMPORARY
        self._settled: set[Path] = set()
        _make(self._temporary)

    def spool(self) -> Spool:
        _make(self._temporary)
        descriptor, path = tempfile.mkstemp(dir=self._temporary)
        as_its_folder(descriptor, self._root)
        return Spool(os.fdopen(descriptor, "w+b"), Path(path))

    async def commit(self, spool: Spool, name: str) -> None:
        await asyncio.to_thread(self._commit, spool, name)

    def _commit(self, spool: Spool, name: str) -> None:
        if spool.path is None:
            raise ValueError("spooled for another storage, or committed already")
        target = self._root / name
        spool.file.flush()
        os.fsync(spool.file.fileno())
        _make(target.parent)
        spool.path.replace(target)
        spool.path = None
        _sync(target.parent)
        if target.parent not in self._settled:
            # Another process may have made these folders and not have synced them yet.
            for folder in target.parent.parents[: len(Path(name).parents) - 1]:
                _sync(folder)
            self._settled.add(target.parent)

    async def reader(self, name: str) -> FileReader | None:
        try:
            return await asyncio.to_thread(FileReader, self._root / name)
        except FileNotFoundError:
            return None

    async def delete(self, name: str) -> bool:
        """Folders stay: removing an empty one would race with an upload into it."""
        return await asyncio.to_thread(self._delete, self._root / name)

    def _delete(self, path: Path) -> bool:
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        _sync(path.parent)
        return True

    async def objects(self, prefix: str = "") -> AsyncIterator[StoredObject]:
        folders = [self._root / prefix]
        while folders:
            files, inner = await asyncio.to_thread(_scan, folders.pop())
            folders += [folder for folder in inner if folder != self._temporary]
            for path, modified in files:
                yield StoredObject(path.relative_to(self._root).as_posix(), modified)

    def path_of(self, name: str) -> Path | None:
        return self._root / name

    async def sweep(self, older_than: timedelta) -> int:
        return await asyncio.to_thread(self._sweep, time.time() - older_than.total_seconds())

    def _sweep(self, before: float) -> int:
        files, _ = _scan(self._temporary)
        old = [path for path, modified in files if modified.timestamp() <= before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


class FileReader:
    """Reads without leaving the event loop what the page cache holds, in a thread what has to come from disk."""

    piece = PIECE
    at_hand: bool = True

    def __init__(self, path: Path) -> None:
        """Raises `FileNotFoundError`."""
        # A buffered file would be closed with a warning when a stream is dropped unread.
        self._descriptor = os.open(path, os.O_RDONLY)
        self._open = True
        self._lock = threading.Lock()
        found = os.fstat(self._descriptor)
        self.size = found.st_size
        self.version: Hashable = found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

    async def read(self, start: int, end: int) -> bytes:
        data = self._cached(start, end) if NOWAIT is not None else b""
        if len(data) < end - start:
            data += await asyncio.to_thread(self._read, start + len(data), end)
        return data

    def _cached(self, start: int, end: int) -> bytes:
        """As much as needs no disk (preadv2(2), RWF_NOWAIT); nothing on a file system that cannot tell."""
        buffer = bytearray(end - start)
        try:
            count = os.preadv(self._descriptor, [buffer], start, NOWAIT or 0)
        except OSError:  # EAGAIN, EOPNOTSUPP; a true fault shows again in the thread
            return b""
        return bytes(memoryview(buffer)[:count])

    def _read(self, start: int, end: int) -> bytes:
        parts: list[bytes] = []
        with self._lock:  # a cancelled reader must not close the descriptor, for another file to get, meanwhile
            while self._open and start < end:
                part = os.pread(self._descriptor, end - start, start)
                if not part:
                    break
                parts.append(part)
                start += len(part)
        return b"".join(parts)

    def close(self) -> None:
        with self._lock:
            if self._open:
                self._open = False
                os.close(self._descriptor)

    def __del__(self) -> None:
        if hasattr(self, "_lock"):
            self.close()


def _make(folder: Path) -> None:
    """`mkdir -p`, synced."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        made = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            as_its_folder(made, folder.parent)
        finally:
            os.close(made)
        _sync(folder.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _scan(folder: Path) -> tuple[list[tuple[Path, datetime]], list[Path]]:
    """Files with the time of their last change, and folders."""
    files: list[tuple[Path, datetime]] = []
    folders: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                    continue
                try:
                    modified = entry.stat(follow_symlinks=False).st_mtime
                except FileNotFoundError:
                    continue
                files.append((Path(entry.path), datetime.fromtimestamp(modified, UTC)))
    except FileNotFoundError:
        pass
    return files, folders
