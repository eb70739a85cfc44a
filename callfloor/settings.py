"""Every option once, with its default and unit. The only reader of environment variables (`CALLFLOOR_…`)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from callfloor.rules.values.names import nearest

PREFIX = "CALLFLOOR_"
# Names that start with `PREFIX` and are no settings: secrets that a centre file names, and what a parent tells a child.
NO_SETTINGS = ("CALLFLOOR_SECRET_", "CALLFLOOR_CHILD_", "CALLFLOOR_TEST_")
# Settings that commands have options for, and those whose option is not called as they are.
OPTIONS = {
    "data", "database_url", "host", "port", "workers", "import_processes", "database_connections",
    "requests_per_second", "media_url", "log_level", "carrier", "url", "token", "user",
}  # fmt: skip
OTHERWISE = {"carrier": "telephony"}


class Settings(BaseSettings):
    """Options of a Callfloor process. Command-line options win over the environment."""

    # a variable that is set to nothing is not set: containers pass every variable that they know
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    data: Path = Field(Path("callfloor-data"), description="Folder of the embedded database and the media.")
    database_url: str | None = Field(
        None, description="PostgreSQL ≥ 15 to use instead of the embedded one.", repr=False
    )
    database_api_url: str | None = Field(
        None,
        description="The same database for the API alone, as a role that row-level security binds: callfloor db grant.",
        repr=False,
    )
    database_work_url: str | None = Field(
        None, description="The same for the floor, the jobs and the mail, as a role that owns nothing.", repr=False
    )
    user: str | None = Field(
        None,
        min_length=1,
        description="User, by name or number, that a server becomes which root starts; root: it stays root. Default: "
        "callfloor where there is one, else whose database it is, else postgres or nobody.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    workers: int = Field(2, ge=1, le=64, description="Processes that answer the API.")
    database_connections: int = Field(10, ge=2, le=100, description="Connections a process at most.")
    requests_per_second: int = Field(100, ge=1, description="Rate limit of a token that has none of its own.")
    session_idle_minutes: int = Field(
        60, ge=5, le=7 * 24 * 60, description="A session that nothing asks with for so long is over."
    )
    session_hours: int = Field(12, ge=1, le=31 * 24, description="The longest that a session lasts, however busy.")
    public_url: str | None = Field(
        None, pattern=r"^https?://[^/?#]+$", description="Where people reach the server, for links: https://HOST."
    )
    origins: str = Field(
        "", description="Origins of pages, by commas, that may use sessions besides our own: http://localhost:5173."
    )
    failed_sign_ins_per_second: float = Field(
        5.0, gt=0, description="Requests of an address without a good token that are looked at; after 50 at once."
    )
    connections: int = Field(4000, ge=10, description="Connections of clients to one API process at most.")
    connections_per_address: int = Field(
        1000, ge=1, description="Of these, from one address; a proxy that is trusted is not counted."
    )
    sockets_per_token: int = Field(100, ge=1, description="WebSockets of one token to one API process at most.")
    trusted_proxies: str = Field(
        "", description="Addresses or networks, by commas, whose X-Forwarded-For and -Proto are believed."
    )
    metrics_from: str = Field("127.0.0.1, ::1", description="Addresses or networks, by commas, that may read /metrics.")
    media_url: str | None = Field(
        None, description="Where media go: a folder or s3://bucket/prefix. Default: DATA/media."
    )
    media_key: str | None = Field(
        None, description="32 bytes in base64 or hex: media are encrypted at rest.", repr=False
    )
    secrets: Path | None = Field(
        None, description="Folder of the files that `passwordFile` in a centre file may name. Default: DATA/secrets."
    )
    master_key: str | None = Field(
        None,
        description="32 bytes in base64 or hex, under which keys stand in the database; older ones behind, by commas. "
        "Default: DATA/master.key, which is made.",
        repr=False,
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    low_disk_megabytes: int = Field(
        1000, ge=0, description="Room on a disk, in MB, under which the log and /ready warn."
    )
    import_megabytes: int = Field(
        1024, ge=1, le=1024, description="Largest body of an import, in MiB, decompressed and as it is sent."
    )
    waiting_megabytes: int = Field(
        2048, ge=1, description="What imports of one organisation may have waiting in the database, in MiB."
    )
    organisation_leads: int = Field(
        50_000_000, ge=1, description="Leads that an organisation may have and still import more."
    )
    organisation_storage_megabytes: int = Field(
        1_000_000, ge=1, description="What an organisation may keep, rows and media, and still write more, in MiB."
    )
    import_processes: int = Field(1, ge=1, le=16, description="Processes that import leads, with `serve` or `work`.")
    carrier: Literal["simulated", "asterisk"] = Field(
        "simulated", description="Who places the calls. simulated: nobody is called, outcomes are drawn."
    )
    asterisk_urls: str = Field(
        "http://127.0.0.1:8088/ari", description="Where Asterisk answers; several nodes are separated by commas."
    )
    asterisk_user: str = Field("callfloor", description="User of Asterisk's REST interface.")
    asterisk_password: str = Field("", description="Its password.", repr=False)
    asterisk_app: str = Field(
        "callfloor", pattern=r"^[A-Za-z0-9_.-]{1,60}$", description="Name of our application; one an engine."
    )
    asterisk_trunks: str = Field(
        "PJSIP/{number}@trunk", description="What is dialled for a number; several are separated by commas."
    )
    asterisk_agent: str = Field("PJSIP/agent-{agent}", description="What is dialled for an agent's phone, by user id.")
    asterisk_agent_ring_s: int = Field(15, ge=1, le=120, description="Seconds that an agent's phone rings.")
    asterisk_agent_line: Literal["per-call", "kept"] = Field(
        "per-call", description="kept: an agent's phone stays connected between calls, and hears a beep."
    )
    asterisk_caller: str | None = Field(None, description="Number that is shown where a call has no other.")
    asterisk_country: str | None = Field(
        None, description="Country whose national form the trunk writes numbers in. Default: with country code."
    )
    asterisk_information: str = Field(
        "sound:callfloor-information", description="What a person hears who answered when no agent was free in time."
    )
    asterisk_amd_context: str = Field("callfloor-amd", description="Context of the dialplan that detects machines.")
    asterisk_stereo: bool = Field(
        False, description="Record what the customer says on the left and what the customer hears on the right."
    )
    asterisk_recordings: Path | None = Field(
        None, description="Folder where Asterisk keeps recordings. Default: they are fetched over HTTP."
    )
    asterisk_prompts: Path | None = Field(
        None, description="Folder for prompts, that Asterisk can read. Default: DATA/prompts."
    )
    asterisk_gone_s: float = Field(
        20.0, gt=0, le=600, description="Seconds after which the calls of a node that is away are taken for ended."
    )
    phone_url: str | None = Field(
        None,
        pattern=r"^wss?://[A-Za-z0-9.\[\]:_-]+(/[A-Za-z0-9._/-]*)?$",
        description="Where agents' phones in browsers connect to: wss://HOST:8089/ws. Default: they have other phones.",
    )
    phone_secret: str | None = Field(
        None, min_length=16, description="Their passwords follow from it: `callfloor asterisk phones`.", repr=False
    )
    phone_user: str = Field("agent-{agent}", description="Name of an agent's phone, by user id.")
    phone_echo: str = Field(
        "echo", pattern=r"^[A-Za-z0-9*#_-]{0,32}$", description="What a phone calls to hear itself; empty: nothing."
    )
    phone_auto_answer: bool = Field(True, description="Phones in browsers take calls by themselves, after a beep.")
    phone_ice_servers: str = Field(
        "", description="STUN and TURN servers for them, by commas: stun:stun.example.com, turn:turn.example.com."
    )
    phone_turn_secret: str | None = Field(
        None, description="Secret shared with the TURN servers (coturn: static-auth-secret).", repr=False
    )
    embed_origins: str = Field(
        "",
        pattern=r"^( *https?://[A-Za-z0-9.-]+(:[0-9]{1,5})? *(,|$))*$",
        description="Origins whose pages may show the desk in themselves, by commas: https://crm.example.com.",
    )
    phone_grace_s: float = Field(
        30.0,
        ge=0,
        le=600,
        description="Seconds that a customer waits for an agent's phone that was lost in mid-call, before others.",
    )
    carrier_seed: int | None = Field(None, description="Seed of the simulated carrier. Default: another at each start.")
    carrier_pace: float = Field(
        1.0, gt=0, le=1000, description="Simulated people answer, talk and wrap up so many times faster."
    )
    simulated_callers: float = Field(
        0.0, ge=0, le=6000, description="So many simulated people a minute call the centre's numbers, for a demo."
    )
    simulated_agents: bool = Field(False, description="Agents who are ready work by themselves, for a demo.")
    function_private_addresses: bool = Field(
        False, description="HTTP functions of workflows may be in the server's own network."
    )
    mail_private_networks: str = Field(
        "", description="Addresses or networks, by commas, of mail servers of mailboxes that are not public: 10.0.0.25."
    )
    sign_in_private_addresses: bool = Field(
        False, description="Providers of single sign-on may be in the server's own network."
    )
    smtp_host: str = Field("127.0.0.1", description="Address to receive e-mail on.")
    smtp_port: int | None = Field(None, ge=0, le=65535, description="Port to receive e-mail on. Default: none is.")
    smtp_name: str = Field("localhost", description="Name of this mail server, as it greets others.")
    smtp_megabytes: int = Field(
        72, ge=1, le=1024, description="Largest message, in MB: room for 50 MB of attachments as they are encoded."
    )
    smtp_certificate: Path | None = Field(None, description="File of the certificate (chain, PEM) for STARTTLS.")
    smtp_certificate_key: Path | None = Field(None, description="File of its private key (PEM).")
    url: str = Field("http://127.0.0.1:8080", description="Server that `import` sends to.")
    token: str | None = Field(None, description="Token that `import` sends with.", repr=False)

    @field_validator("trusted_proxies", "metrics_from", "mail_private_networks")
    @classmethod
    def _networks(cls, text: str) -> str:
        networks(text)
        return text

    @property
    def proxies(self) -> list[IPv4Network | IPv6Network]:
        """The networks of `trusted_proxies`."""
        return networks(self.trusted_proxies)

    @property
    def metrics_networks(self) -> list[IPv4Network | IPv6Network]:
        """The networks of `metrics_from`."""
        return networks(self.metrics_from)

    @property
    def mail_networks(self) -> list[IPv4Network | IPv6Network]:
        """The networks of `mail_private_networks`."""
        return networks(self.mail_private_networks)

    @classmethod
    def option(cls, name: str) -> str:
        """How a setting is called: its option, where commands have one, and its variable."""
        variable = f"{PREFIX}{name.upper()}"
        return f"--{OTHERWISE.get(name, name).replace('_', '-')} ({variable})" if name in OPTIONS else variable

    @property
    def own_origins(self) -> list[str]:
        """Origins of pages that may use sessions, besides those of the address that was asked."""
        named = [self.public_url or "", *self.origins.split(",")]
        return [each.strip().rstrip("/").lower() for each in named if each.strip()]

    @property
    def organisation_storage_bytes(self) -> int:
        return self.organisation_storage_megabytes * 1024**2

    @property
    def smtp_bytes(self) -> int:
        return self.smtp_megabytes * 1_000_000

    @property
    def embedders(self) -> list[str]:
        return [each.strip() for each in self.embed_origins.split(",") if each.strip()]

    def with_whole_paths(self) -> Settings:
        """The same, with no path that depends on the folder in which the process works."""
        whole: dict[str, object] = {name: value.absolute() for name, value in self if isinstance(value, Path)}
        if self.media_url and not is_address(self.media_url):
            whole["media_url"] = str(Path(self.media_url).absolute())
        return self.model_copy(update=whole)

    @property
    def secrets_folder(self) -> Path:
        return self.secrets or self.data / "secrets"

    @property
    def media_location(self) -> str:
        return self.media_url or str(self.data / "media")


def is_address(place: str) -> bool:
    """Whether it begins as an address does (`s3:`), and not as a path: `./s3:x` is a folder."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", place) is not None


def networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Addresses and networks, separated by commas. Raises `ValueError` for what is neither."""
    return [ip_network(each.strip()) for each in text.split(",") if each.strip()]


def is_among(address: str, given: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether an address lies in one of the networks; False for a connection that is not over a network."""
    return bool(address) and any(ip_address(address.partition("%")[0]) in network for network in given)


def unknown_variables() -> list[tuple[str, str | None]]:
    """Variables of the environment that look like settings and are none, each with the one that may be meant."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    strange = [name for name in os.environ if name.startswith(PREFIX) and not name.startswith(NO_SETTINGS)]
    return [(name, nearest(name, known)) for name in sorted(strange) if name not in known]


def secret_of(variable: str) -> str | None:
    """A secret that a centre file names by its environment variable; None when it is not set."""
    return os.environ.get(variable)


class SettingsError(ValueError):
    """A setting cannot be used; the message names it."""

    def __init__(self, name: str, fault: str) -> None:
        super().__init__(f"{Settings.option(name)}: {fault}")
