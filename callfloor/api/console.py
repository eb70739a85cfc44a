"""The web console: built files (docs/console.md), and a policy under which nothing else runs."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# The first part of each page's address (console/src/routes.ts); the page itself finds out what stands behind it.
SECTIONS = (
    "desk", "emails", "floor", "campaigns", "alerts", "work", "calls", "leads", "imports", "lists", "do-not-call",
    "privacy", "people", "set-up", "reports", "what-if", "account", "sign-in",
)  # fmt: skip
_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "md": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
}
# Files under here have the hash of what they hold in their name.
_HASHED = "assets/"
_PAGE = "index.html"
# blob: is sound and files that the page itself fetched; nothing of others is ever shown as a page
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:;"
    " connect-src 'self'{phones}; base-uri 'none'; form-action 'none'; frame-ancestors {embedders};"
    " require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
)


def page_headers(phones: str | None, embedders: Sequence[str]) -> dict[str, str]:
    """What the page is served with."""
    connect = "" if phones is None else " {0.scheme}://{0.netloc}".format(urlsplit(phones))
    policy = _POLICY.format(phones=connect, embedders=" ".join(embedders) or "'none'")
    headers = {
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "Permissions-Policy": "camera=(), geolocation=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    # it knows no list of origins; where there is one the policy says it
    return headers if embedders else headers | {"X-Frame-Options": "DENY"}


@dataclass(frozen=True, slots=True)
class _File:
    """One file as it goes out; `packed` with gzip."""

    body: bytes
    packed: bytes
    headers: dict[str, str]
    etag: str

    @classmethod
    def of(cls, name: str, body: bytes, page: Mapping[str, str]) -> _File:
        etag = f'"{blake2b(body, digest_size=16).hexdigest()}"'
        kept = "public, max-age=31536000, immutable" if name.startswith(_HASHED) else "no-cache"
        headers = {
            "Content-Type": _TYPES[name.rpartition(".")[2]],
            "Cache-Control": kept,
            "ETag": etag,
            "Vary": "Accept-Encoding",
        }
        if name == _PAGE:
            headers |= page
        return cls(body, gzip.compress(body, 9, mtime=0), headers, etag)

    def answer(self, request: Request) -> Response:
        # what is compressed has the same tag with a mark, as RFC 9110 §8.8.3 has it of other representations
        packed = len(self.packed) < len(self.body) and "gzip" in request.headers.get("accept-encoding", "")
        etag = f'{self.etag[:-1]}-gzip"' if packed else self.etag
        headers = self.headers | {"ETag": etag} | ({"Content-Encoding": "gzip"} if packed else {})
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.packed if packed else self.body, headers=headers)


def routes(phones: str | None = None, embedders: Sequence[str] = ()) -> list[Route]:
    """The console's files, and its one page at every address that it has a page for. `phones`: where phones in browsers
    connect to. `embedders`: origins whose pages may show the console in themselves."""
    headers = page_headers(phones, embedders)
    known = {
        name: _File.of(name, each.read_bytes(), headers) for name, each in _each(files("callfloor.console") / "static")
    }

    async def page(request: Request) -> Response:
        return known[_PAGE].answer(request)

    def of(file: _File) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return file.answer(request)

        return answer

    own = [Route(f"/{name}", of(file)) for name, file in known.items() if name != _PAGE]
    pages = [Route(f"/{section}{rest}", page) for section in SECTIONS for rest in ("", "/{rest:path}")]
    return [Route("/", page), *own, *pages]


def _each(folder: Traversable, before: str = "") -> Iterator[tuple[str, Traversable]]:
    for each in folder.iterdir():
        name = f"{before}{each.name}"
        if each.is_dir():
            yield from _each(each, f"{name}/")
        else:
            yield name, each
