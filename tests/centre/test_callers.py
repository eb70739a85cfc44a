"""Prompts, workflows and queues of a centre file: read, refused by line, applied."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

import pytest

from callfloor import samples
from callfloor.centre import CentreError, apply, export_text, parse, sounds
from callfloor.centre.check import check
from callfloor.contract.centre import Centre
from callfloor.contract.workflows import Menu, Queue, Schedule
from callfloor.store.db.pool import Database
from callfloor.store.setup import organisations, workflows
from callfloor.store.setup import prompts as prompts_of
from callfloor.telephony import speech
from callfloor.telephony.sound import telephone_wav, tone
from tests.telephony.test_sound import recorded

GOOD = """\
[organisation]
name = "Harbour"
timezone = "Australia/Sydney"
country = "AU"

[[users]]
username = "jane"
firstName = "Jane"
lastName = "Doe"
type = "agent"
skills = { german = 7 }

[[campaigns]]
name = "Support"
direction = "inbound"
agents = ["jane"]
skills = { german = 5 }
maxWaitSeconds = 600
overflow = "Sales"
survey = "Survey"
music = "welcome"

[[campaigns]]
name = "Sales"
direction = "inbound"

[[campaigns]]
name = "Callbacks"
direction = "outbound"

[[campaigns.lists]]
name = "Callers"

[[prompts]]
name = "welcome"
text = "Welcome to Harbour."

[[workflows]]
name = "Main"
numbers = ["02 5550 0200"]

[[workflows.steps]]
name = "hours"
type = "schedule"
hours = { monday = ["09:00-17:00"] }
holidays = "AU-NSW"
open = "menu"
closed = "message"

[[workflows.steps]]
name = "menu"
type = "menu"
prompt = "welcome"
options = { 1 = "queue", "*" = "menu" }
onTimeout = "queue"

[[workflows.steps]]
name = "queue"
type = "queue"
campaign = "Support"
options = { 1 = "callback" }

[[workflows.steps]]
name = "callback"
type = "callback"
campaign = "Callbacks"
list = "Callers"
prompt = "welcome"
onError = "message"

[[workflows.steps]]
name = "message"
type = "voicemail"
campaign = "Support"
prompt = "welcome"

[[workflows]]
name = "Survey"

[[workflows.steps]]
name = "ask"
type = "survey"
questions = [{ name = "polite", prompt = "welcome", digits = "1-5" }]
"""


def checked(text: str, current: Centre | None = None, taken: tuple[str, ...] = ()) -> Centre:
    return check(parse(text, "c.toml"), current, taken)


def mistakes(text: str, current: Centre | None = None, taken: tuple[str, ...] = ()) -> list[str]:
    try:
        checked(text, current, taken)
    except CentreError as error:
        return list(error.mistakes)
    return []


def test_a_workflow_is_read_with_what_is_usual_for_what_is_absent() -> None:
    centre = checked(GOOD)
    main = centre.workflows["Main"]
    assert (main.numbers, main.start) == (("+61255500200",), "hours")
    hours, menu, queue = main.steps[:3]
    assert isinstance(hours, Schedule)
    assert hours.hours == {"monday": ("09:00-17:00",)}
    assert isinstance(menu, Menu)
    assert (menu.retries, menu.timeout_seconds, menu.options) == (2, 5.0, {"1": "queue", "*": "menu"})
    assert queue == Queue(name="queue", campaign="Support", options={"1": "callback"})
    support = centre.campaigns["Support"].queue
    assert (support.skills, support.max_wait_seconds, support.aging_seconds) == ({"german": 5}, 600.0, 60.0)
    assert centre.users["jane"].skills == {"german": 7}


# Each: what is replaced in the good file, by what, and what must be said of the line of the replacement.
WRONG = [
    ('type = "menu"', 'type = "meun"', "workflows[0].steps[1].type is not known; did you mean menu?"),
    ('type = "menu"', "", "workflows[0].steps[1] has no type; write one of schedule, prompt, menu,"),
    ('open = "menu"', "", "workflows[0].steps[0] has no open, which a schedule step needs"),
    ('open = "menu"', 'open = "meun"', "workflows[0].steps[0].open step meun is not known; did you mean menu?"),
    ('onTimeout = "queue"', 'onTimeOut = "queue"', "steps[1].onTimeOut is not known; did you mean onTimeout?"),
    ('onTimeout = "queue"', 'onTimeout = "menu"', "menu goes round without end for a caller who does nothing"),
    ('onTimeout = "queue"', "timeoutSeconds = 90", "steps[1].timeoutSeconds must be from 1 to 60"),
    ("{ 1 = \"queue\"", "{ 12 = \"queue\"", "steps[1].options.12 is not known"),
    ('name = "menu"', 'name = "hours"', "workflows[0].steps[1].name stands here twice"),
    ('hours = { monday = ["09:00-17:00"] }', 'hours = { monday = ["9-17"] }', "is not a window such as 09:00-20:00"),
    ('holidays = "AU-NSW"', 'holidays = "AU-XY"', "workflows[0].steps[0].holidays AU has no part 'XY'"),
    ('numbers = ["02 5550 0200"]', 'numbers = ["12"]', "workflows[0].numbers[0] has too few digits"),
    ('numbers = ["02 5550 0200"]', 'start = "ours"', "workflows[0].start step ours is not known; did you mean hours?"),
    ('list = "Callers"', 'list = "Caller"', "list of Callbacks Caller is not known; did you mean Callers?"),
    ('digits = "1-5" }]', 'digits = "5-1" }]', "questions[0].digits is empty; write 1-5"),
    ('digits = "1-5" }]', 'digits = "1 to 5" }]', "questions[0].digits must be two digits such as 1-5"),
    ("skills = { german = 5 }", "skills = { germn = 5 }", "skills.germn is not known; did you mean german?"),
    ("skills = { german = 5 }", "skills = { german = 11 }", "campaigns[0].skills.german must be from 1 to 10"),
    ("skills = { german = 7 }", "skills = 7", "users[0].skills must be a table, not an integer"),
    ('overflow = "Sales"', 'overflow = "Support"', "campaigns[0].overflow comes back to this campaign"),
    ('overflow = "Sales"', 'overflow = "Callbacks"', "campaigns[0].overflow is not known"),
    ('survey = "Survey"', 'survey = "Survy"', "campaigns[0].survey is not known; did you mean Survey?"),
    ('music = "welcome"', 'music = "wellcome"', "campaigns[0].music is not known; did you mean welcome?"),
    ('direction = "outbound"', 'direction = "outbound"\npriority = 3', "priority is for inbound campaigns only"),
    ('text = "Welcome to Harbour."', "", "prompts[0] has no text and no file: write one of them"),
    ('text = "Welcome to Harbour."', 'file = "../a.wav"', "prompts[0].file must be a path from the folder of this"),
    ('text = "Welcome to Harbour."', 'file = "a.wav"', "prompts[0].file there is no file a.wav beside this one"),
    ('text = "Welcome to Harbour."', 'text = "x"\nlanguage = "--en"', "prompts[0].language must be a language such as"),
]  # fmt: skip


@pytest.mark.parametrize(("was", "instead", "said"), WRONG)
def test_a_mistake_is_told_by_its_line_with_what_to_write_instead(was: str, instead: str, said: str) -> None:
    assert was in GOOD
    text = GOOD.replace(was, instead, 1)
    found = mistakes(text)
    assert any(said in each for each in found), found
    if instead and "has no" not in said and "stands" not in said and "goes round" not in said:
        line = next(number for number, each in enumerate(text.splitlines(), 1) if instead.splitlines()[-1] in each)
        assert any(each.startswith(f"c.toml:{line}: ") and said in each for each in found), found


def test_what_is_wrong_in_itself_is_not_missed_again() -> None:
    assert len(mistakes(GOOD.replace('text = "Welcome to Harbour."', 'text = ""'))) == 1
    assert len(mistakes(GOOD.replace('[[campaigns.lists]]\nname = "Callers"', '[[campaigns.lists]]\nname = ""'))) == 2


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "https://", "https://user:pass@example.com/", "https://exa mple.com/", "http://[::1", "crm"],
)
def test_an_address_of_a_function_is_checked(url: str) -> None:
    step = f'[[workflows.steps]]\nname = "f"\ntype = "function"\nurl = "{url}"\nnext = "hours"\nonError = "hours"\n'
    text = GOOD.replace('numbers = ["02 5550 0200"]\n\n', f'numbers = ["02 5550 0200"]\nstart = "f"\n\n{step}\n')
    assert any("url must be an address such as https://" in each for each in mistakes(text))
    good = text.replace(url, "https://crm.example.com:8443/route?campaign=1")
    assert mistakes(good) == []


def test_a_number_leads_to_one_workflow_of_one_organisation() -> None:
    assert mistakes(GOOD, taken=("+61255500200",)) == [
        "c.toml:40: workflows[0].numbers[0] leads to another organisation already"
    ]
    text = GOOD.replace('name = "Survey"\n\n[[', 'name = "Survey"\nnumbers = ["+61 2 5550 0200"]\n\n[[')
    assert mistakes(text) == ["c.toml:40: workflows[0].numbers[0] leads to workflow Survey already"]


def test_a_workflow_that_is_given_has_the_steps_that_are_given_and_keeps_the_rest() -> None:
    current = checked(GOOD)
    steps = '[[workflows.steps]]\nname = "bye"\ntype = "hangup"\n'
    text = f'[organisation]\nname = "Harbour"\n[[workflows]]\nname = "Main"\n{steps}'
    main = checked(text, current).workflows["Main"]
    assert (main.numbers, main.start, len(main.steps)) == (("+61255500200",), "bye", 1)
    text = '[organisation]\nname = "Harbour"\n[[workflows]]\nname = "Main"\nnumbers = []\n'
    assert checked(text, current).workflows["Main"].steps == current.workflows["Main"].steps
    assert mistakes(text.replace("Main", "New"), current) == [
        "c.toml:3: workflows[0] has no steps, which a new one needs: write [[workflows.steps]]"
    ]


@pytest.mark.parametrize("name", ["centre", "demo"])
def test_the_samples_answer_a_call(name: str) -> None:
    assert checked(samples.centre(name)).workflows


def test_hours_may_be_a_table_of_their_own() -> None:
    text = GOOD.replace('hours = { monday = ["09:00-17:00"] }\n', "").replace(
        'closed = "message"\n', 'closed = "message"\n\n[workflows.steps.hours]\nmonday = ["09:00-17:00"]\n'
    )
    assert checked(text).workflows == checked(GOOD).workflows
    line = text.splitlines().index('monday = ["09:00-17:00"]') + 1
    (mistake,) = mistakes(text.replace('["09:00-17:00"]', '["9-17"]'))
    assert mistake.startswith(f"c.toml:{line}: workflows[0].steps[0].hours.monday[0] '9-17' is not a window")


# Files


def with_file(file: str) -> str:
    return GOOD.replace('text = "Welcome to Harbour."', f'file = "{file}"')


async def lines(db: Database, text: str, folder: Path, *, dry_run: bool = False) -> list[str]:
    return [str(each) for each in await apply(db, parse(text, "c.toml", folder), dry_run=dry_run)]


@pytest.fixture
def name() -> str:
    return f"Harbour {secrets.token_hex(4)}"


def own(text: str, name: str) -> str:
    """The centre under a name, without the number, which leads to one organisation only."""
    return text.replace('"Harbour"', f'"{name}"').replace('numbers = ["02 5550 0200"]\n', "")


async def test_a_file_s_sound_is_kept_as_a_telephone_carries_it(db: Database, tmp_path: Path, name: str) -> None:
    (tmp_path / "sounds").mkdir()
    file = tmp_path / "sounds" / "welcome.wav"
    file.write_bytes(recorded(16000))
    text = own(with_file("sounds/welcome.wav"), name)
    assert '+ prompt "welcome"' in await lines(db, text, tmp_path)
    assert await lines(db, text, tmp_path) == []
    row = await organisations.named(db, name)
    assert row is not None
    routes = (await workflows.load(db))[row["organisation_id"]]
    assert await prompts_of.sound(db, routes.prompts["welcome"]) == telephone_wav(recorded(16000))
    # exported without its sound, it still says the same of this centre
    assert await lines(db, await export_text(db, row), tmp_path / "elsewhere") == []
    file.write_bytes(recorded(8000, pitch=500.0))
    assert await lines(db, text, tmp_path, dry_run=True) == ['~ prompt "welcome": its sound']
    assert await lines(db, text, tmp_path) == ['~ prompt "welcome": its sound']
    routes = (await workflows.load(db))[row["organisation_id"]]
    assert await prompts_of.sound(db, routes.prompts["welcome"]) == recorded(8000, pitch=500.0)


@pytest.mark.parametrize(
    ("content", "said"),
    [(recorded(8000, channels=2), "has 2 channels: save it as mono"), (b"ID3", "is no WAV file")],
)
def test_a_file_that_cannot_be_played_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(CentreError, match=said):
        check(sounds.read(parse(with_file("a.wav"), "c.toml", tmp_path)), None)


@pytest.mark.parametrize("path", ["/etc/passwd", "a/../../b.wav", "..", "C:\\a.wav", "\\a.wav", "a\\..\\..\\b.wav", ""])
def test_no_file_is_read_outside_the_folder(path: str) -> None:
    assert not sounds.is_inside(path)


# Words


async def test_words_are_a_tone_until_something_can_speak_them(
    db: Database, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def speak(text: str, language: str) -> bytes:
        assert (text, language) == ("Welcome to Harbour.", "en")
        return recorded(8000)

    monkeypatch.setattr(speech, "installed", lambda: False)
    await lines(db, own(GOOD, name), tmp_path)
    row = await organisations.named(db, name)
    assert row is not None
    routes = (await workflows.load(db))[row["organisation_id"]]
    assert routes.prompts["welcome"].endswith(hashlib.sha256(tone()).hexdigest())
    assert await lines(db, own(GOOD, name), tmp_path) == []
    monkeypatch.setattr(speech, "installed", lambda: True)
    monkeypatch.setattr(speech, "speak", speak)
    assert await lines(db, own(GOOD, name), tmp_path) == ['~ prompt "welcome": its words are spoken']
    assert await lines(db, own(GOOD, name), tmp_path) == []
    routes = (await workflows.load(db))[row["organisation_id"]]
    assert await prompts_of.sound(db, routes.prompts["welcome"]) == recorded(8000)


async def test_words_that_cannot_be_spoken_write_nothing(
    db: Database, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def speak(text: str, language: str) -> bytes:
        raise speech.SpeechError("there is no such voice")

    monkeypatch.setattr(speech, "installed", lambda: True)
    monkeypatch.setattr(speech, "speak", speak)
    with pytest.raises(CentreError, match="prompt welcome: there is no such voice"):
        await lines(db, own(GOOD, name), tmp_path)
    assert await organisations.named(db, name) is None


async def test_changes_of_a_workflow_are_shown_by_step(db: Database, tmp_path: Path, name: str) -> None:
    await lines(db, own(GOOD, name), tmp_path)
    changed = (
        own(GOOD, name)
        .replace('options = { 1 = "callback" }', "maxLength = 9\nonFull = 'message'\noptions = { 1 = 'back' }")
        .replace('name = "callback"', 'name = "back"')
        .replace("german = 7", "german = 8")
        .replace("maxWaitSeconds = 600", 'agingSeconds = ""')
    )
    assert await lines(db, changed, tmp_path) == [
        '~ user "jane": skills {german = 7} → {german = 8}',
        '~ campaign "Support": agingSeconds 60 → none',
        '~ workflow "Main": ~ step "queue", + step "back", - step "callback"',
    ]
    assert await lines(db, changed, tmp_path) == []
