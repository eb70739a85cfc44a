"""The files of prompts' sounds beside a centre file: each sound has its own. Pure."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Collection, Mapping

from msgspec.structs import replace

from callfloor.contract.workflows import Sound


def own_file(name: str, taken: Collection[str]) -> str:
    """The path of a prompt's sound that no other prompt has. `taken`: those of other prompts, as `path_of` gives
    them."""
    plain = re.sub(r"[^A-Za-z0-9 ._-]", "_", name).strip(" .")[:60]
    file = f"prompts/{plain}.wav"
    if plain != name or path_of(file) in taken:
        file = f"prompts/{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.wav"
    return file


def path_of(file: str) -> str:
    """The same text for paths that are one file somewhere: where letters of both cases are the same, where folders end
    in a backslash."""
    return posixpath.normpath(file.replace("\\", "/")).casefold()


def apart(prompts: Mapping[str, Sound]) -> dict[str, Sound]:
    """The prompts by name, each sound with a file of its own. A centre file may name one for two prompts; when one of
    them is given another sound, that would be written over, or write over, the other's."""
    sounds: dict[str, str | None] = {}
    found: dict[str, Sound] = {}
    for name, prompt in prompts.items():
        if prompt.file is not None and sounds.setdefault(path_of(prompt.file), prompt.sha256) != prompt.sha256:
            taken = {path_of(each.file) for each in (*prompts.values(), *found.values()) if each.file is not None}
            prompt = replace(prompt, file=own_file(name, taken))
            sounds[path_of(prompt.file or "")] = prompt.sha256
        found[name] = prompt
    return found
