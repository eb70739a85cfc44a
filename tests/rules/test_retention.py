"""What is due: a campaign's rule stands in the place of the organisation's, and each campaign meets one rule a kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.privacy.retention import KINDS, WHOLE_ORGANISATION, Due, Rule, due

NOW = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)
CAMPAIGNS = st.integers(0, 4)
RULES = st.dictionaries(st.tuples(CAMPAIGNS, st.sampled_from(KINDS)), st.integers(1, 500), max_size=20).map(
    lambda found: [Rule(campaign, kind, days) for (campaign, kind), days in found.items()]
)


def covers(each: Due, campaign: int) -> bool:
    """As the statements of `store.privacy.retention` say it."""
    return (campaign in each.campaigns) is not each.others


@given(RULES, st.integers(1, 6))
def test_each_campaign_meets_its_own_rule_or_the_organisations_and_no_other(rules: list[Rule], campaign: int) -> None:
    days = {(rule.campaign_id, rule.kind): rule.days for rule in rules}
    for kind in KINDS:
        met = [each for each in due(rules, NOW) if each.kind == kind and covers(each, campaign)]
        wanted = days.get((campaign, kind), days.get((WHOLE_ORGANISATION, kind)))
        assert [each.days for each in met] == ([] if wanted is None else [wanted])
        assert all(each.before == NOW - timedelta(days=each.days) for each in met)


@given(RULES, st.integers(1, 400))
def test_what_is_due_stays_due(rules: list[Rule], later: int) -> None:
    for now, then in zip(due(rules, NOW), due(rules, NOW + timedelta(days=later)), strict=True):
        assert (now.kind, now.campaigns, now.others) == (then.kind, then.campaigns, then.others)
        assert now.before < then.before


def test_without_rules_everything_is_kept() -> None:
    assert due([], NOW) == []
