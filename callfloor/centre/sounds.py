"""The WAV files that a centre file names, and the sound of its prompts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from callfloor.centre.source import CentreError, Source
from callfloor.contract.workflows import Sound
from callfloor.telephony import speech
from callfloor.telephony.sound import SoundError, telephone_wav, tone

# By text and language: the sound, and whether the words are heard in it or a tone is.
Words = Mapping[tuple[str, str], tuple[bytes, bool]]
LARGEST_FILE = 64 * 1024 * 1024


def read(source: Source) -> Source:
    """The source, with the sound of each file that its prompts name, or what is wrong with it. A file that is not there
    is left out, and one that was read already is not read again."""
    found: dict[str, bytes | str] = {}
    folder = source.folder
    prompts = source.tree.get("prompts")
    for each in cast("list[object]", prompts) if isinstance(prompts, list) else ():
        name = cast("dict[str, object]", each).get("file") if isinstance(each, dict) else None
        if folder is None or not isinstance(name, str) or name in source.sounds or not is_inside(name):
            continue
        if (path := folder / name).is_file():
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


async def spoken(prompts: Iterable[Sound]) -> Words:
    """The words of prompts, made to sound. Raises `CentreError` for words that cannot be spoken."""
    found: dict[tuple[str, str], tuple[bytes, bool]] = {}
    for prompt in prompts:
        key = _words_of(prompt)
        if prompt.file is not None or key in found:
            continue
        if not speech.installed():
            found[key] = await asyncio.to_thread(tone), False
            continue
        try:
            found[key] = await speech.speak(*key), True
        except speech.SpeechError as error:
            raise CentreError([f"prompt {prompt.name}: {error}"]) from error
    return found


def of(prompt: Sound, sounds: Mapping[str, bytes | str], words: Words) -> tuple[bytes, bool]:
    """A prompt's WAV file, and whether its words are heard. `words`: what was spoken beforehand. Raises
    `CentreError`."""
    if prompt.file is None:
        if _words_of(prompt) not in words:
            raise CentreError([f"prompt {prompt.name}: somebody else changed it meanwhile; try it again"])
        return words[_words_of(prompt)]
    content = sounds[prompt.file]
    if isinstance(content, str):
        raise AssertionError("a file that is wrong is refused before")
    return content, True


def _words_of(prompt: Sound) -> tuple[str, str]:
    return prompt.text or "", prompt.language or speech.DEFAULT_LANGUAGE


def are_spoken(prompt: Sound, words: Words) -> bool:
    """Whether the words of a prompt were spoken beforehand."""
    return words.get(_words_of(prompt), (b"", False))[1]
