"""Media download against nginx serving the same file."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import tempfile
from pathlib import Path

import asyncpg

from bench.floor import FOLDER, ratios, served, show, tool, wrk
from callfloor.media.blobs import open_blobs

SIZE_MB = 8
NGINX = """
worker_processes 2; daemon off; pid {folder}/pid; error_log {folder}/error;
events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; root {folder}/root; }} }}
"""


async def _media(dsn: str, organisation: int) -> int:
    blobs = open_blobs(str(FOLDER / "main" / "media"))
    stored = await blobs.put(organisation, secrets.token_bytes(SIZE_MB * 2**20))
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(
            "INSERT INTO media (organisation_id, kind, sha256, size, content_type, duration_s)"
            " VALUES ($1, 'recording', $2, $3, 'audio/wav', 60) RETURNING media_id",
            organisation,
            stored.sha256,
            stored.size,
        )
    finally:
        await connection.close()


def run(size: int, rounds: int = 3, seconds: int = 5) -> None:
    """Print the row: megabytes a second, eight connections."""
    program = tool("nginx", "nginx-light")
    with served() as given, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "root").mkdir()
        (folder / "root" / "file").write_bytes(secrets.token_bytes(SIZE_MB * 2**20))
        port = 18_000 + os.getpid() % 1000
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
        nginx = subprocess.Popen([program, "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
        try:
            media = asyncio.run(_media(given.dsn, given.organisation))
            bearer = f'wrk.headers["Authorization"] = "Bearer {given.token}"\n'
            pairs = []
            for _ in range(rounds):
                bound, _ = wrk(f"http://127.0.0.1:{port}/file", "", seconds=seconds, connections=8)
                rate, _ = wrk(f"{given.api}/media/{media}", bearer, seconds=seconds, connections=8)
                pairs.append((rate * SIZE_MB, bound * SIZE_MB))
            product, bound = (sorted(pair[side] for pair in pairs)[len(pairs) // 2] for side in (0, 1))
            show(f"download of {SIZE_MB} MB", f"{product:,.0f} MB/s", f"nginx {bound:,.0f} MB/s", ratios(pairs))
        finally:
            nginx.terminate()
            nginx.wait(10)
