"""The sound of prompts: uploaded, listened to, tried before it is kept; and who plays them."""

from __future__ import annotations

import hashlib
from typing import Any, cast

from starlette.responses import Response

from callfloor import centre
from callfloor.api.admin.bodies import about, refused
from callfloor.api.admin.records import record
from callfloor.api.admin.rights import allow
from callfloor.api.audits import own, unaudited
from callfloor.api.call import Call, invalid, matches, not_found
from callfloor.api.decoding import content_type, read_body
from callfloor.api.operation import idempotency_key, operation
from callfloor.api.ranges import Span, UnsatisfiableError, wanted_span
from callfloor.centre.removal import uses_of
from callfloor.centre.source import Source
from callfloor.contract.prompts import NewSpeech, PromptUse
from callfloor.errors import (
    BeyondOwnScopes,
    FieldError,
    Invalid,
    RangeNotSatisfiable,
    SpeechUnavailable,
    StaleVersion,
    UnsupportedMediaType,
)
from callfloor.rules.values.sound_files import own_file, path_of
from callfloor.store.setup import centres, organisations, prompts
from callfloor.store.setup.prompts import Stored
from callfloor.telephony import speech
from callfloor.telephony.conversion import converted
from callfloor.telephony.sound import SoundError, seconds

WAV = "audio/wav"
_TAKEN = (WAV, "audio/x-wav", "audio/wave", "audio/vnd.wave")
# Of an upload, in bytes: ten minutes at 16 kHz.
LARGEST_SOUND = 20 * 1024 * 1024
_USE: dict[str, Any] = {
    "name": "welcome",
    "seconds": 2.4,
    "spoken": True,
    "usedBy": ["step hello of workflow Main line"],
}


@operation(
    "GET",
    "/prompts/{name}/sound",
    scope="setup:read",
    summary="Listen to a prompt",
    tag="prompts",
    answers=(WAV,),
    problems=[RangeNotSatisfiable],
)
async def get_prompt_sound(call: Call, name: str) -> Response:
    """The sound that callers hear: WAV of 8 kHz, 16 bit, mono; of words, what they were spoken as. Takes `Range` (one
    range), `If-Range` and `If-None-Match`."""
    stored, content = await _sound(call, name)
    etag = f'"{stored.sha256}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    known = call.headers.get(b"if-none-match")
    if known is not None and matches(known, etag.encode(), weak=True):
        return Response(status_code=304, headers=headers)
    span = _span(call, etag, len(content))
    headers["Accept-Ranges"] = "bytes"
    if span is None:
        return Response(content, media_type=WAV, headers=headers)
    headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{len(content)}"
    return Response(content[span.start : span.end], status_code=206, media_type=WAV, headers=headers)


@operation(
    "PUT",
    "/prompts/{name}/sound",
    scope="setup:write",
    summary="Upload the sound of a prompt",
    tag="prompts",
    streams=(WAV,),
    example=_USE,
    problems=[BeyondOwnScopes, StaleVersion],
    audits=own("prompt.upload", "prompt"),
    keeps=True,
)
async def put_prompt_sound(call: Call, name: str) -> PromptUse:
    """Make a WAV file the sound of a prompt, which is made if there is none of the name; words that it had are gone.

    PCM of 8 or 16 bit, mono, from 8 to 48 kHz, of at most ten minutes and 20 MiB; it is kept as a telephone carries it
    (8 kHz, 16 bit). Calls that play the old sound play it to its end. `If-Match` takes the ETag of the sound.
    """
    if content_type(call.headers) not in _TAKEN:
        raise UnsupportedMediaType(f"The body must have Content-Type: {WAV}.")
    raw = await read_body(call.receive, call.headers, LARGEST_SOUND)
    try:
        wav = await converted(raw)
    except SoundError as error:
        raise Invalid(f"The file {error}.", errors=[FieldError("sound", str(error), pointer="")]) from error

    async def work() -> PromptUse:
        await _put(call, name, wav)
        return await _use(call, name)

    key = idempotency_key(call)
    if not key:
        return await work()
    # what is encoded passes as it is
    return cast(PromptUse, await put_prompt_sound.once(call, key, hashlib.sha256(raw).digest(), work))


async def _put(call: Call, name: str, wav: bytes) -> None:
    async with call.db.transaction():
        await centres.lock(call.db)
        every = await prompts.every(call.db, call.organisation)
        was = every.get(name)
        call.expect_tag(b"" if was is None else f'"{was.sha256}"'.encode())
        others = {path_of(each.prompt.file) for each in every.values() if each.prompt.file and each is not was}
        file = None if was is None else was.prompt.file
        if file is None or path_of(file) in others:
            # what another prompt has as well would be its sound too
            file = own_file(name, others)
        source = Source("body", {"prompts": [{"name": name, "file": file}]}, None, sounds={file: wav})
        try:
            source = about(source, call.caller.organisation.name)
            plan = await centre.apply_plan(
                call.db, source, lambda each: allow(call.caller, each), by=call.audit.by, words={}
            )
        except centre.CentreError as error:
            raise refused(error, ("prompts", 0)) from error
        await record(call, plan)


@operation(
    "GET",
    "/prompts/{name}/uses",
    scope="setup:read",
    summary="Who plays a prompt",
    tag="prompts",
    example=_USE,
)
async def get_prompt_uses(call: Call, name: str) -> PromptUse:
    """What plays the prompt, and how long it is. While anything does, it cannot be removed."""
    return await _use(call, name)


@operation(
    "POST",
    "/prompt-previews",
    scope="setup:write",
    summary="Hear how words sound",
    tag="prompts",
    answers=(WAV,),
    request={"text": "Welcome to Harbour.", "language": "en"},
    problems=[SpeechUnavailable],
    secret=True,
    audits=unaudited("nothing is changed"),
)
async def preview_prompt(call: Call, body: NewSpeech) -> Response:
    """The words as callers would hear them. Nothing is kept."""
    if body.language is not None and not speech.is_language(body.language):
        raise invalid("language", "unknown-language", "must be a language such as en, en-gb or de")
    if not body.text.strip():
        raise invalid("text", "empty", "is empty")
    if not speech.installed():
        raise SpeechUnavailable(f"{speech.PROGRAM} is not installed on this server: install it, or give WAV files.")
    try:
        wav = await speech.speak(body.text, body.language or speech.DEFAULT_LANGUAGE)
    except speech.SpeechError as error:
        raise invalid("text", "unspeakable", str(error)) from error
    return Response(wav, media_type=WAV, headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


async def _sound(call: Call, name: str) -> tuple[Stored, bytes]:
    stored = (await prompts.every(call.db, call.organisation)).get(name)
    if stored is None:
        raise not_found("prompt")
    content = await prompts.sound(call.db, prompts.message_id(call.organisation, stored.sha256))
    if content is None:
        # it was removed, or given another sound, in between
        raise not_found("prompt")
    return stored, content


async def _use(call: Call, name: str) -> PromptUse:
    stored, content = await _sound(call, name)
    row: Any = await organisations.named(call.db, call.caller.organisation.name)
    found = (await centres.read(call.db, row)).centre
    return PromptUse(
        name=name,
        seconds=round(seconds(content), 2),
        spoken=stored.spoken,
        used_by=uses_of(found, "prompts", name),
    )


def _span(call: Call, etag: str, size: int) -> Span | None:
    condition = call.headers.get(b"if-range")
    if condition is not None and condition.strip() != etag.encode():
        return None
    given = call.headers.get(b"range")
    try:
        return wanted_span(None if given is None else given.decode("latin-1"), size)
    except UnsatisfiableError as error:
        headers = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        raise RangeNotSatisfiable(f"The sound has {size:,} bytes.", headers=headers) from error
