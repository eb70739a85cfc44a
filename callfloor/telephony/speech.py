"""Words made to sound by espeak-ng, where it is installed."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile

from callfloor.telephony.sound import SoundError, telephone_wav

PROGRAM = "espeak-ng"
DEFAULT_LANGUAGE = "en"
LONGEST_TEXT = 2000
TIMEOUT_S = 60.0
WORDS_A_MINUTE = 150
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,12}){0,3}", re.ASCII)


class SpeechError(Exception):
    """The words could not be spoken; the message says why."""


def installed() -> bool:
    return shutil.which(PROGRAM) is not None


def is_language(name: str) -> bool:
    """Whether a voice could have the name: `en`, `en-gb`, `de`."""
    return _LANGUAGE.fullmatch(name) is not None


async def speak(text: str, language: str = DEFAULT_LANGUAGE) -> bytes:
    """The words as a telephone carries sound (`telephony.sound`). Raises `SpeechError`."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise SpeechError(f"{PROGRAM} is not installed")
    if not is_language(language):
        raise SpeechError(f"{language[:40]!r} is no language such as en or en-gb")
    with tempfile.TemporaryDirectory(prefix="callfloor-speech-") as folder:
        code, spoken, said = await _ran(program, language, text, folder)
    if code:
        why = said.decode(errors="replace").strip().split("\n", 1)[0][:200]
        raise SpeechError(f"{PROGRAM} failed: {why}")
    try:
        return await asyncio.to_thread(telephone_wav, spoken)
    except SoundError as error:
        raise SpeechError(f"what {PROGRAM} gave {error}") from error


async def _ran(program: str, language: str, text: str, folder: str) -> tuple[int | None, bytes, bytes]:
    """What the program's end was, and what it gave and said. It looks for a sound server although none is used, and
    leaves folders of that in its home and among temporary files: `folder` is both."""
    # the words come on standard input: they are never taken for options
    speaker = await asyncio.create_subprocess_exec(
        program,
        *("-v", language, "-s", str(WORDS_A_MINUTE), "-b", "1", "--stdin", "--stdout"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | dict.fromkeys(("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"), folder),
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            spoken, said = await speaker.communicate(text[:LONGEST_TEXT].encode())
    except TimeoutError as error:
        raise SpeechError(f"{PROGRAM} did not end within {TIMEOUT_S:g} s") from error
    finally:
        if speaker.returncode is None:
            speaker.kill()
            await speaker.wait()
    return speaker.returncode, spoken, said
