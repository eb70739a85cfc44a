"""`callfloor closure`, `callfloor function`, and prompts of a centre file, as an operator uses them."""

from __future__ import annotations

import base64
import secrets
from pathlib import Path

import pytest

from callfloor.telephony.sound import telephone_wav
from tests.cli.conftest import Run, assert_refused
from tests.telephony.test_sound import recorded

CENTRE = """\
[organisation]
name = "{name}"
timezone = "Australia/Sydney"
country = "AU"

[[prompts]]
name = "welcome"
file = "sounds/welcome.wav"

[[prompts]]
name = "bye"
text = "Goodbye."

[[workflows]]
name = "Main"

[[workflows.steps]]
name = "welcome"
type = "prompt"
prompt = "welcome"
next = "bye"

[[workflows.steps]]
name = "bye"
type = "hangup"
prompt = "bye"
"""


@pytest.fixture
def name(run: Run, tmp_path: Path) -> str:
    """An organisation with a workflow."""
    name = f"Centre {secrets.token_hex(4)}"
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "welcome.wav").write_bytes(recorded(16000))
    (tmp_path / "centre.toml").write_text(CENTRE.format(name=name))
    done = run("apply", tmp_path / "centre.toml", PATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert '+ prompt "welcome"\n+ prompt "bye"\n+ workflow "Main"\n' in done.stdout
    assert done.stderr.startswith("callfloor: warning: a tone is heard in the place of the words of these prompts")
    assert "not installed: bye; install it" in done.stderr
    return name


def test_a_closure_lasts_until_it_is_ended(run: Run, name: str) -> None:
    def closure(*words: str) -> str:
        done = run("closure", *words, "--organisation", name)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert closure("show") == "nothing is closed by hand\n"
    assert closure("on", "--workflow", "Main") == "workflow Main is closed\n"
    assert closure("on", "--workflow", "Main") == "workflow Main was closed already\n"
    assert closure("on") == f"every workflow of {name} is closed\n"
    assert [line.partition(", since ")[0] for line in closure("show").splitlines()] == [
        "every workflow",
        "workflow Main",
    ]
    said = closure("off", "--workflow", "Main")
    assert said == "the closure of workflow Main is over\nbut every workflow is closed: callfloor closure off\n"
    closure("on", "--workflow", "Main")
    said = closure("off")
    assert said == f"the closure of all workflows of {name} is over\nstill closed by themselves: Main\n"
    assert closure("off").startswith(f"the closure of all workflows of {name}: there was none\n")
    refused = run("closure", "on", "--workflow", "Mian", "--organisation", name)
    assert_refused(refused, 2, "--workflow Mian: is not known; did you mean Main?")


def test_the_key_of_functions_is_shown_and_renewed(run: Run, name: str) -> None:
    first = run("function", "key", "--organisation", name).stdout
    assert len(base64.b64decode(first.strip().removeprefix("whsec_"))) == 32
    assert run("function", "key", "--organisation", name).stdout == first
    renewed = run("function", "key", "--renew", "--organisation", name).stdout
    assert renewed != first
    assert run("function", "key", "--organisation", name).stdout == renewed


def test_an_exported_centre_with_its_sounds_makes_another_like_it(run: Run, name: str, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    done = run("export", "--organisation", name, "--prompts", folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "sounds" / "welcome.wav").read_bytes() == telephone_wav(recorded(16000))
    file = folder / "centre.toml"
    file.write_text(done.stdout, "utf-8")
    assert run("apply", file, PATH=str(tmp_path)).stdout == "no changes\n"
    file.write_text(done.stdout.replace(name, f"{name} two"), "utf-8")
    assert '+ prompt "welcome"\n' in run("apply", file).stdout
