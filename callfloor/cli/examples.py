"""An example of each command, for the end of its help."""

from __future__ import annotations

import typer

# By the words of the command: what follows them.
EXAMPLES = {
    "serve": "--port 8080 --data /var/lib/callfloor/data",
    "work": "--import-processes 2 --database-url postgresql://callfloor@db.example/callfloor",
    "demo": "--port 8090",
    "apply": "centre.toml --dry-run",
    "export": "--organisation 'Sample Centre' --prompts sounds > centre.toml",
    "import": 'leads.csv --list 1 --map "Cell=phone1,Ref=customerKey" --dry-run',
    "simulate": "scenario.toml --runs 20 --json",
    "desk": "--url http://127.0.0.1:8080 --token TOKEN",
    "sample": "centre.toml > centre.toml",
    "user create": "sam.lead --first-name Sam --last-name Lead --role supervisor",
    "user password": "sam.lead",
    "user disable": "sam.lead",
    "user enable": "sam.lead",
    "user reset-factors": "sam.lead",
    "user list": "--json",
    "token create": "--name reports --scopes leads:read,campaigns:read --expires 90d",
    "token list": "--json",
    "token revoke": "3",
    "db migrate": "--database-url postgresql://callfloor@db.example/callfloor",
    "db status": "--data /var/lib/callfloor/data",
    "db distribute": "--shards 64 --dry-run --database-url postgresql://callfloor@coordinator.example/callfloor",
    "db dump": "callfloor-2026-11-28.dump",
    "db load": "callfloor-2026-11-28.dump --data restored",
    "db adopt": "--data restored",
    "db grant": "--database-url postgresql://callfloor@db.example/callfloor",
    "certificate verify": "erasure.json --key keys",
    "certificate key": "--all > keys",
    "evidence export": "november.ndjson --from 2026-11-01 --to 2026-11-30",
    "evidence verify": "november.ndjson --key keys --heads heads.ndjson",
    "evidence heads": "heads.ndjson --from 2026-11-01",
    "audit list": "--action lead --count 20",
    "audit export": "--from 2026-11-01 > audit.jsonl",
    "audit verify": "--data /var/lib/callfloor/data",
    "retention run": "--dry-run",
    "retention show": "",
    "hold place": "lead 9 --reason 'case 2021/77'",
    "hold lift": "3",
    "hold list": "",
    "key list": "--organisation 'Sample Centre'",
    "key rotate": "--purpose signing",
    "key rewrap": "--data /var/lib/callfloor/data",
    "dnc add": "+61491570156 --campaign 'Sales Outbound' --reason 'asked on the phone'",
    "dnc remove": "+61491570156 --reason 'signed up again'",
    "dnc check": "+61491570156",
    "dnc list": "--campaign 'Sales Outbound' --json",
    "dnc import": "blocked.csv --register DNCR --washed 2026-11-28",
    "dnc registers": "--json",
    "test call": "--number +61255500200 --from +61491570156 --keys 1,2s,# --hang-up-after 8",
    "closure on": "--workflow 'Main line'",
    "closure off": "--workflow 'Main line'",
    "closure show": "--organisation 'Sample Centre'",
    "campaign stop": "'Sales Outbound' --now --dry-run",
    "campaign start": "'Sales Outbound'",
    "campaign explain": "'Sales Outbound'",
    "function key": "--renew",
    "asterisk check": "",
    "asterisk phones": "--organisation 'Sample Centre' > pjsip_phones.conf",
    "media verify": "--data /var/lib/callfloor/data",
    "media encrypt": "--data /var/lib/callfloor/data",
}


def show_in(app: typer.Typer, words: tuple[str, ...] = ()) -> None:
    """Give each command of the group, and of the groups in it, its example. Raises `KeyError` for one without."""
    for command in app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "")
        called = " ".join((*words, name))
        # a line that is to be copied is not wrapped
        command.epilog = f"\b\nExample: callfloor {called} {EXAMPLES[called]}".rstrip()
    for group in app.registered_groups:
        if group.typer_instance is not None:
            show_in(group.typer_instance, (*words, str(group.name)))
