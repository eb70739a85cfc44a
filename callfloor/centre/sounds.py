"""The WAV files that a centre file names, and the sound of its prompts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from callfloor.centre.source import CentreError, Source
from callfloor.contract.workflows import Sound
from callfloor.telephony import speech
from callfloor.telephony.sound import SoundError, telephone_wav, tone

LARGEST_FILE = 64 * 1024 * 1024


def read(source: Source) -> Source:
    """The source, with the sound of each file that its prompts name, or what is wrong with it. A file that is not there
    is left out."""
    found: dict[str, bytes | str] = {}
    folder = source.folder
    prompts = source.tree.get("prompts")
    for each in cast("list[object]", prompts) if isinstance(prompts, list) else ():
        name = cast("dict[str, object]", each).get("file") if isinstance(each, dict) else None
        if folder is not None and isinstance(name, str) and is_inside(name) and (path := folder / name).is_file():
            found[name] = _sound(path)
    return replace(source, sounds={**source.sounds, **found})


def is_inside(name: str) -> bool:
    """Whether a path stays in the folder that it begins in."""
    parts = name.replace("\\", "/").split("/")
    return bool(name) and not name.startswith(("/", "\\")) and ":" not in parts[0] and ".." not in parts


def _sound(path: Path) -> bytes | str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            return f"is larger than {LARGEST_FILE >> 20} MiB"
        return telephone_wav(path.read_bytes())
    except SoundError as error:
        return str(error)
    except OSError as error:
        return f"cannot be read: {error.strerror}"


async def of(prompt: Sound, sounds: Mapping[str, bytes | str]) -> tuple[bytes, bool]:
    """A prompt's WAV file, and whether its words are heard. Raises `CentreError` for words that cannot be spoken."""
    if prompt.file is not None:
        content = sounds[prompt.file]
        if isinstance(content, str):
            raise AssertionError("a file that is wrong is refused before")
        return content, True
    if not speech.installed():
        return await asyncio.to_thread(tone), False
    try:
        return await speech.speak(prompt.text or "", prompt.language or speech.DEFAULT_LANGUAGE), True
    except speech.SpeechError as error:
        raise CentreError([f"prompt {prompt.name}: {error}"]) from error
