"""What a message is: who wrote what to whom, with which files, and whether a machine did.

Blocking, and for any bytes: what cannot be understood is kept as it came, as one more attachment.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message as Headers
from typing import BinaryIO

from callfloor.mail import headers as head
from callfloor.mail.decode import Body, text
from callfloor.mail.html import text_of
from callfloor.mail.structure import MOST_HEADER_LINES, MOST_HEADERS, MOST_PARTS, Excess, Part, Structure, scan
from callfloor.rules.privacy.identifiers import MANY, identifiers
from callfloor.store.calls.activities import Message
from callfloor.store.email.emails import Automatic

# So much text is read of a message, in bytes, and so much is shown, in characters; all of it is then an attachment too.
MOST_TEXT = 768 * 1024
MOST_SHOWN = 500_000
MOST_LINE = 1_000
LONGEST_NAME = 150
# Where the message of ours stands that a report is about.
MOST_REPORT = 64 * 1024
# What is said on a message of which not all was read.
EXCESSES: dict[Excess, str] = {
    "parts": f"This message has more than {MOST_PARTS} parts",
    "headers": f"This message has more than {MOST_HEADERS // 1024} KiB or {MOST_HEADER_LINES:,} lines of headers",
    "time": "This message takes too long to read",
    "memory": "This message takes too much memory to read",
    "fault": "This message cannot be read",
}
_OCTETS = "application/octet-stream"
_UNFIT_IN_NAMES = re.compile(r'[<>:"/\\|?*]')
_NAMES = {"message/rfc822": "message.eml", "text/html": "message.html", "text/plain": "text.txt"}
_BULK = frozenset({"bulk", "list", "junk"})
_REPLIES = frozenset({"auto_reply", "auto-reply", "autoreply"})
_MACHINES = ("x-autoreply", "x-autorespond", "x-auto-reply", "x-autoresponder", "x-auto-reply-from", "x-mail-autoreply")
# RFC 2369, RFC 2919: many get it.
_LISTS = ("list-id", "list-unsubscribe", "list-post", "list-help")


@dataclass(frozen=True, slots=True)
class Found:
    """A file in a message. `html`: the message itself. `copy`: as of `store.arrivals.ArrivedFile`."""

    body: Body
    content_type: str
    file_name: str
    html: bool = False
    copy: bool = False


@dataclass(frozen=True, slots=True)
class ParsedMessage:
    """A message as it was read. `files` are decoded as they are iterated. The rest as `store.arrivals.Arrival`."""

    message: Message
    sender: str | None
    reply_to: str | None
    cc: str | None
    ancestors: list[str]
    loops: list[str]
    automatic: Automatic | None
    reported: str | None
    failed: bool
    digest: bytes
    body_text: str
    identifiers: list[str]
    files: list[Found]
    original: Found
    """The message as it came. Kept when `damaged`, or when a file turns out to be."""
    damaged: bool
    excess: Excess | None = None


def read(file: BinaryIO, envelope_sender: str | None = None) -> ParsedMessage:
    """Read the message in a file.

    `envelope_sender`: what SMTP said; empty for a message that wants no answer, None when it is not known.
    """
    found = scan(file)
    headers = found.headers
    texts, files, damaged = _contents(file, found)
    if found.excess:
        # all of it is in the message as it came
        files = []
    body = "\n\n".join(each for each in texts.shown if each.strip())
    message = Message(
        _cut(head.text(headers, "subject")),
        head.message_id(headers),
        next(iter(head.message_ids(headers, "in-reply-to")), None),
        _cut(head.text(headers, "from")) or head.line(envelope_sender or "") or None,
        _cut(head.text(headers, "to")),
    )
    cc = _cut(head.text(headers, "cc"))
    reply_to = next(iter(head.addresses(headers, "reply-to")), None)
    written = (body, *texts.sources, message.subject, message.from_, message.to, cc, reply_to, message.message_id)
    written += (message.in_reply_to,)
    ancestors = head.message_ids(headers, "references")
    reported, failed = _report(file, found)
    return ParsedMessage(
        message=message,
        sender=_sender(headers, envelope_sender),
        reply_to=reply_to,
        cc=cc,
        ancestors=ancestors,
        loops=head.addresses(headers, "x-loop"),
        automatic=_automatic(headers, envelope_sender),
        reported=reported,
        failed=failed,
        digest=_digest(file, found, message),
        body_text=body[:MOST_SHOWN],
        identifiers=[MANY] if texts.unread else identifiers((*written, *ancestors)),
        files=files,
        original=_original(file),
        damaged=damaged or found.damaged or len(body) > MOST_SHOWN,
        excess=found.excess,
    )


def unread(file: BinaryIO, excess: Excess) -> ParsedMessage:
    """A message of which nothing was read but that it is there."""
    digest = hashlib.sha256()
    original = _original(file)
    for piece in original.body:
        digest.update(piece)
    nothing = Message(None, None, None, None, None)
    return ParsedMessage(
        message=nothing, sender=None, reply_to=None, cc=None, ancestors=[], loops=[], automatic=None, reported=None,
        failed=False, digest=digest.digest(), body_text=_told(excess), identifiers=[MANY], files=[], original=original,
        damaged=True, excess=excess,
    )  # fmt: skip


def _told(excess: Excess) -> str:
    return f"[{EXCESSES[excess]}. It is attached as it came.]"


def _original(file: BinaryIO) -> Found:
    return Found(Body(file, 0, file.seek(0, 2), "binary"), "message/rfc822", "original.eml", copy=True)


def _cut(written: str | None) -> str | None:
    return None if written is None else written[:MOST_LINE]


def _sender(headers: Headers[str, str], envelope_sender: str | None) -> str | None:
    for name in ("from", "sender"):
        if found := head.addresses(headers, name):
            return found[0]
    envelope = Headers()
    envelope["from"] = head.line(envelope_sender or "")
    return next(iter([*head.addresses(envelope, "from"), *head.addresses(headers, "return-path")]), None)


def _automatic(headers: Headers[str, str], envelope_sender: str | None) -> Automatic | None:
    """Whether a machine wrote it, or many get it."""
    report = (head.parameter(headers, "content-type", "report-type") or "").lower()
    is_report = head.content_type(headers) == "multipart/report"
    if is_report and report in ("", "delivery-status"):
        return "bounce"
    said = re.split(r"[;\s(]", (head.raw(headers, "auto-submitted") or "").strip().lower())[0]
    precedence = (head.raw(headers, "precedence") or "").strip().lower()
    # programs ask for no automatic answer; so do we, in answers that say that a person wrote them
    suppressed = (head.raw(headers, "x-auto-response-suppress") or "none").strip().lower() != "none" and said != "no"
    if is_report or said not in ("", "no") or suppressed or precedence in _REPLIES:
        return "auto-submitted"
    if any(head.raw(headers, name) is not None for name in _MACHINES):
        return "auto-submitted"
    return_path = (head.raw(headers, "return-path") or "?").strip()
    if envelope_sender == "" or return_path in ("<>", ""):
        return "bounce"
    if (_sender(headers, envelope_sender) or "").startswith("mailer-daemon@"):
        return "bounce"
    in_list = precedence in _BULK or any(head.raw(headers, name) is not None for name in _LISTS)
    return "list" if in_list else None


def _report(file: BinaryIO, found: Structure) -> tuple[str | None, bool]:
    """The id of the message that a report is about, and whether that will not arrive."""
    if head.content_type(found.headers) != "multipart/report":
        return None, False
    failed, message_id = False, None
    for part in found.parts:
        if part.kind not in ("message/delivery-status", "message/rfc822", "text/rfc822-headers"):
            continue
        content = Body(file, part.start, part.end, head.encoding(part.headers)).head(MOST_REPORT)
        if part.kind == "message/delivery-status":
            failed = failed or re.search(rb"(?mi)^action:[ \t]*failed\b", content) is not None
        else:
            lines = re.split(rb"\r?\n\r?\n", content, maxsplit=1)[0]
            message_id = message_id or head.message_id(head.parse(lines))
    return message_id, failed and message_id is not None


def _digest(file: BinaryIO, found: Structure, message: Message) -> bytes:
    """Of what stays the same however often the message is delivered."""
    digest = hashlib.sha256()
    for part in (message.message_id, message.from_, head.raw(found.headers, "date"), message.subject):
        digest.update((part or "").encode("utf-8", "replace") + b"\x00")
    for piece in Body(file, found.body_start, file.seek(0, 2), "binary"):
        digest.update(piece)
    return digest.digest()


class _Texts:
    """`shown`: what the message says, in order; `sources`: HTML and messages in it, where customers may stand unseen.

    `unread`: there is more than is read of a message.
    """

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.sources: list[str] = []
        self._left = MOST_TEXT
        self.unread = False

    def read(self, part: Part, body: Body) -> str:
        """The text of a part, as far as is left of what is read of a message."""
        content = body.head(self._left + 1)
        self.unread = self.unread or len(content) > self._left
        self._left = max(self._left - len(content), 0)
        return text(content, head.parameter(part.headers, "content-type", "charset"))


def _contents(file: BinaryIO, found: Structure) -> tuple[_Texts, list[Found], bool]:
    """Texts, files, and whether a text is damaged."""
    texts, files, damaged = _Texts(), list[Found](), False
    if found.excess:
        texts.unread = True
        texts.shown.append(_told(found.excess))
    names = _Names()
    plain = {
        part.alternative
        for part in found.parts
        if part.alternative is not None and part.kind == "text/plain" and _is_text(part) and part.end > part.start
    }
    for part in found.parts:
        body = Body(file, part.start, part.end, head.encoding(part.headers))
        is_message = part.kind.startswith("message/") or part.kind == "text/rfc822-headers"
        if not _is_text(part) and not is_message:
            files.append(Found(body, part.kind, names.of(part)))
            continue
        written = texts.read(part, body)
        damaged = damaged or (body.damaged and not is_message)
        is_html = part.kind == "text/html"
        if is_html or is_message:
            texts.sources.append(written)
        if is_html or is_message or texts.unread:
            files.append(Found(body, part.kind, names.of(part), html=is_html, copy=True))
        if is_message:
            continue
        if not is_html:
            texts.shown.append(written)
        elif part.alternative is None or part.alternative not in plain:
            texts.shown.append(text_of(written))
    return texts, files, damaged


def _is_text(part: Part) -> bool:
    """Whether it is what the message says."""
    if part.kind not in ("text/plain", "text/html"):
        return False
    return head.disposition(part.headers) != "attachment" and _name(part) is None


def _name(part: Part) -> str | None:
    """The file name that the message gives, which is not to be trusted."""
    given = head.parameter(part.headers, "content-disposition", "filename")
    return given or head.parameter(part.headers, "content-type", "name")


class _Names:
    """File names that no file system and no reader is fooled by, each once in a message."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def of(self, part: Part) -> str:
        name = safe_name(_name(part) or "") or _NAMES.get(part.kind) or _made_up(part.kind)
        stem, dot, extension = name.rpartition(".")
        for each in _numbered(stem if dot else name, dot + extension if dot else ""):
            if each.lower() not in self._given:
                self._given.add(each.lower())
                return each
        raise AssertionError("numbers do not end")


def _numbered(stem: str, extension: str) -> Iterator[str]:
    yield stem + extension
    number = 1
    while True:
        number += 1
        yield f"{stem} ({number}){extension}"


def _made_up(kind: str) -> str:
    return f"attachment{mimetypes.guess_extension(kind) or '.bin'}"


def safe_name(name: str) -> str:
    """The last part of a path, without what is invisible, turns text round, or means something to a file system."""
    last = re.split(r"[/\\]", head.line(name))[-1]
    shown = "".join(each for each in last if unicodedata.category(each)[0] != "C")
    fit = " ".join(_UNFIT_IN_NAMES.sub("_", shown).split()).strip(". ")
    if len(fit) <= LONGEST_NAME:
        return fit
    stem, dot, extension = fit.rpartition(".")
    if not dot or len(extension) > 20:
        return fit[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(extension) - 1]}.{extension}"
