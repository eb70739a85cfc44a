"""Words are spoken by a program, which may fail in any way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from callfloor.telephony import speech
from callfloor.telephony.sound import seconds, telephone_wav
from callfloor.telephony.speech import SpeechError, speak
from testbed.programs import need
from tests.telephony.test_sound import recorded


@pytest.fixture
def speaker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name which writes down what it was asked, and gives a tone of 22,050 Hz."""
    (tmp_path / "tone.wav").write_bytes(recorded(22050))
    program = tmp_path / speech.PROGRAM
    program.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\nfolder = pathlib.Path({str(tmp_path)!r})\n"
        "(folder / 'asked').write_text(repr((sys.argv[1:], sys.stdin.buffer.read().decode())))\n"
        "sys.stdout.buffer.write((folder / 'tone.wav').read_bytes())\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


async def test_words_go_in_and_a_telephone_s_sound_comes_out(speaker: Path) -> None:
    assert speech.installed()
    assert await speak("--version; $(rm) größer", "de") == telephone_wav(recorded(22050))
    arguments, words = eval((speaker / "asked").read_text())
    assert arguments[:2] == ["-v", "de"]
    assert not any("rm" in each for each in arguments)
    assert words == "--version; $(rm) größer"


async def test_what_the_program_leaves_in_its_home_and_among_temporary_files_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, program = tmp_path / "home", tmp_path / speech.PROGRAM
    home.mkdir()
    for name in ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(home))
    (tmp_path / "tone.wav").write_bytes(recorded(22050))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = " ".join(f'"${name}/left"' for name in ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"))
    program.write_text(f"#!/bin/sh\n/bin/mkdir -p {left}\n/bin/cat {tmp_path}/tone.wav\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await speak("hello") == telephone_wav(recorded(22050))
    assert _names(tmp_path) == {"home", "tone.wav", speech.PROGRAM}


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


async def test_a_language_that_could_be_an_option_is_refused(speaker: Path) -> None:
    with pytest.raises(SpeechError, match="is no language such as"):
        await speak("hello", "--help")
    assert not (speaker / "asked").exists()


async def test_without_the_program_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not speech.installed()
    with pytest.raises(SpeechError, match="espeak-ng is not installed"):
        await speak("hello")


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("echo no such voice >&2; exit 1", "espeak-ng failed: no such voice"),
        ("echo words", "what espeak-ng gave is no WAV file"),
    ],
)
async def test_a_program_that_fails_is_told(speaker: Path, program: str, said: str) -> None:
    (speaker / speech.PROGRAM).write_text(f"#!/bin/sh\n{program}\n")
    with pytest.raises(SpeechError, match=said):
        await speak("hello")


async def test_a_program_that_does_not_end_is_ended(speaker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (speaker / speech.PROGRAM).write_text(f"#!{sys.executable}\nimport signal\nsignal.pause()\n")
    monkeypatch.setattr(speech, "TIMEOUT_S", 0.05)
    with pytest.raises(SpeechError, match="did not end within"):
        await speak("hello")


async def test_the_real_program_speaks() -> None:
    need("espeak-ng", speech.PROGRAM)
    spoken = await speak("Welcome. Press one for sales, or two for support.")
    assert 1.5 < seconds(spoken) < 10
