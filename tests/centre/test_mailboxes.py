from __future__ import annotations

import secrets

import pytest

from callfloor.centre import CentreError, apply_text, export_text, parse
from callfloor.centre.check import check
from callfloor.contract.mailboxes import Account, Mailbox
from callfloor.store.db.pool import Database
from callfloor.store.email import mailboxes
from callfloor.store.setup import organisations

HEAD = """\
[organisation]
name = "Harbour"
timezone = "Australia/Sydney"
country = "AU"

[[campaigns]]
name = "Support"
direction = "inbound"

[[campaigns]]
name = "Sales"
direction = "outbound"

"""
CARE = """\
[[mailboxes]]
name = "Care"
address = "Care@Example.com"
campaign = "Support"
receive = "imap"

[mailboxes.imap]
host = "imap.example.com"
user = "care"
passwordFile = "/run/secrets/care"
tls = "implicit"

[mailboxes.send]
host = "smtp.example.com"
user = "care"
passwordVariable = "CALLFLOOR_SECRET_CARE"
"""
IMAP = Account("imap.example.com", 993, "care", "/run/secrets/care", tls="implicit")
SEND = Account("smtp.example.com", 587, "care", None, "CALLFLOOR_SECRET_CARE")


def named(text: str) -> tuple[str, str]:
    """The file under a name and an address of its own."""
    name = f"Harbour {secrets.token_hex(6)}"
    unique = text.replace("Care@Example.com", f"Care.{secrets.token_hex(6)}@Example.com")
    return name, unique.replace('"Harbour"', f'"{name}"')


def test_a_mailbox_is_read_with_its_defaults() -> None:
    centre = check(parse(HEAD + CARE, "centre.toml"), None)
    assert centre.mailboxes == {
        "Care": Mailbox("Care", "care@example.com", "Support", "imap", IMAP, SEND, hourly_per_sender=20, active=True)
    }


async def test_what_was_applied_is_exported_and_changes_nothing_again(db: Database) -> None:
    name, text = named(HEAD + CARE)
    changes = await apply_text(db, text, "centre.toml")
    assert str(changes[-1]) == '+ mailbox "Care"'
    row = await organisations.named(db, name)
    assert row is not None
    exported = await export_text(db, row)
    assert await apply_text(db, exported, "centre.toml") == []
    assert "[mailboxes.send]" in exported
    (change,) = await apply_text(
        db,
        text + '\n[[mailboxes]]\nname = "Other"\ncampaign = "Support"\naddress = "other'
        + secrets.token_hex(5) + '@example.com"\nreceive = "smtp"\n',
        "centre.toml",
    )  # fmt: skip
    assert str(change) == '+ mailbox "Other"'
    # a table that is given is the whole of it; what is not given stays
    head, _, _ = text.partition("[[mailboxes]]")
    imap = '{host = "localhost", user = "x", passwordFile = "/p", tls = "none"}'
    less = f'{head}[[mailboxes]]\nname = "Care"\nsend = ""\nhourlyPerSender = 5\nimap = {imap}\n'
    (change,) = await apply_text(db, less, "centre.toml")
    assert change.details[0] == "hourlyPerSender 20 → 5"
    stored = await mailboxes.every(db, row["organisation_id"])
    assert (stored["Care"].send, stored["Care"].hourly_per_sender, stored["Care"].receive) == (None, 5, "imap")
    assert stored["Care"].imap == Account("localhost", 143, "x", "/p", tls="none")
    fetched = [each for each in await mailboxes.fetched(db) if each.organisation == row["organisation_id"]]
    assert [each.name for each in fetched] == ["Care"]


async def test_an_address_of_another_organisation_is_refused(db: Database) -> None:
    _, text = named(HEAD + CARE)
    await apply_text(db, text, "centre.toml")
    other = text.replace('name = "Harbour', 'name = "Another')
    with pytest.raises(CentreError) as refused:
        await apply_text(db, other, "centre.toml")
    assert refused.value.mistakes == ("centre.toml:16: mailboxes[0].address is a mailbox of another organisation",)


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        (
            '"Support"\nreceive',
            '"Sales"\nreceive',
            "17: mailboxes[0].campaign is an outbound campaign: e-mails wait in",
        ),
        ('"Support"\nreceive', '"Suport"\nreceive', "17: mailboxes[0].campaign is not known; did you mean Support?"),
        ("Care@Example.com", "care at example", "16: mailboxes[0].address must be an e-mail address"),
        ('receive = "imap"', 'receive = "pop"', "18: mailboxes[0].receive is not known; known are smtp, imap, none"),
        ('passwordFile = "/run/secrets/care"', 'password = "x"', "23: mailboxes[0].imap.password is not known"),
        (
            'passwordFile = "/run/',
            'passwordFile = "run/',
            "23: mailboxes[0].imap.passwordFile must be the name of a file in the server's folder of secrets",
        ),
        ("CALLFLOOR_SECRET_CARE", "AWS_SECRET", "29: mailboxes[0].send.passwordVariable must be a name such as"),
        ('user = "care"\npasswordVariable', "passwordVariable", "26: mailboxes[0].send needs a user with"),
        ('tls = "implicit"', 'tls = "none"', "24: mailboxes[0].imap.tls would send the password in clear"),
        ('host = "smtp.example.com"\n', "", "26: mailboxes[0].send has no host"),
        ('address = "Care@Example.com"\n', "", "14: mailboxes[0] has no address, which a new one needs"),
        ("[mailboxes.imap]", "[mailboxes.pop]", "20: mailboxes[0].pop is not known"),
        (
            "[[mailboxes]]",
            '[[mailboxes]]\nname = "A"\naddress = "care@example.com"\ncampaign = "Support"\n[[mailboxes]]',
            '20: mailboxes[1].address is that of mailbox "A"',
        ),
    ],
)
def test_every_mistake_is_told_with_its_line(old: str, new: str, mistake: str) -> None:
    text = HEAD + CARE.replace(old, new, 1)
    assert text != HEAD + CARE
    with pytest.raises(CentreError) as refused:
        check(parse(text, "centre.toml"), None)
    found = refused.value.mistakes
    assert any(each.startswith(f"centre.toml:{mistake}") for each in found), found
