"""The regimes that come with Callfloor, one file each; the name is a country's code or `none`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from callfloor.rules.dialling.regimes import Regime, RegimeError, parse_regime
from callfloor.rules.dialling.register_wash import Register

FALLBACK = "none"


@cache
def names() -> tuple[str, ...]:
    """Those that there are, as a centre file spells them."""
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in files(__name__).iterdir() if _is_data(entry.name))
    )


def _is_data(name: str) -> bool:
    return name.endswith(".toml")


@cache
def regime(name: str) -> Regime:
    """Raises `KeyError` when there is none of that name, `RegimeError` when its file is wrong."""
    if name not in names():
        raise KeyError(name)
    data = tomllib.loads((files(__name__) / f"{name}.toml").read_text("utf-8"))
    try:
        return parse_regime(data)
    except RegimeError as error:
        raise RegimeError(f"{name}.toml: {error}") from error


def regime_of(name: str | None, country: str) -> Regime:
    """The regime that a campaign names, else that of its organisation's country, else the fallback."""
    return regime(name or (country if country in names() else FALLBACK))


@cache
def registers() -> tuple[Register, ...]:
    """The do-not-call registers that regimes ask for."""
    return tuple(found for name in names() if (found := regime(name).register) is not None)
