"""What an e-mail about an alert says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from callfloor.contract.alerts import AlertKind, AlertRule
from callfloor.rules.alerting.conditions import KINDS, Subject, Unit, threshold_of

_SAYS: Mapping[AlertKind, str] = {
    "abandonment-rate": "{about}: {value} of answered calls are abandoned (limit {threshold})",
    "cap-binds": "{about}: nothing more may be abandoned in {value} (limit {threshold})",
    "longest-wait": "{about}: a caller has waited for {value} (limit {threshold})",
    "callers-waiting": "{about}: {value} callers wait (limit {threshold})",
    "service-level": "{about}: {value} of the callers of the last hour were served in time (limit {threshold})",
    "agents-ready": "{about}: {value} agents are ready (limit {threshold})",
    "leads-run-out": "{about}: leads run out in {value} (limit {threshold})",
    "not-led": "{about}: no engine serves the campaign",
    "node-down": "{about} is down",
    "jobs-failed": "{value} imports or reports failed within the hour (limit {threshold})",
    "destinations": "Destination policy: {about}",
}


def said(rule: AlertRule, of: Subject) -> str:
    """One sentence."""
    unit = KINDS[rule.kind].unit
    return _SAYS[rule.kind].format(
        about=of.about, value=_shown(of.value, unit), threshold=_shown(threshold_of(rule), unit)
    )


def email(rule: AlertRule, of: Subject, at: datetime, organisation: str) -> tuple[str, str]:
    """Subject and body. `at`: when, in the organisation's zone."""
    sentence = said(rule, of)
    body = (
        f"{sentence}.\n\nOrganisation: {organisation}\nRule: {rule.name} ({rule.severity})\n"
        f"Time: {at:%Y-%m-%d %H:%M:%S %z}\n\nWho has seen to it acknowledges the alert in the console, page Alerts.\n"
    )
    return f"[{rule.severity}] {sentence}", body


def _shown(value: float | None, unit: Unit) -> str:
    if value is None:
        return "–"
    match unit:
        case "share":
            return f"{value * 100:.1f} %"
        case "minutes":
            return f"{value:.0f} min"
        case "seconds":
            return f"{value:.0f} s"
        case _:
            return f"{value:.0f}"
