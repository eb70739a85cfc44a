"""Campaign statistics."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from callfloor.contract.do_not_call import RegisterWash
from callfloor.contract.fields import Request, Struct

Period = Literal["hour", "day"]
CampaignMode = Literal["preview", "progressive", "predictive"]


class StatisticsQuery(Request):
    period: Annotated[
        Period | None, Meta(description="hour: the last 60 minutes (default); day: the last 24 hours.")
    ] = None


class CampaignAgents(Struct):
    logged_in: int
    ready: int
    dialling: int
    on_call: int
    on_wrap: int
    paused: int


class ListStatistics(Struct):
    list_id: int
    list_name: str
    in_dialler: bool
    weight: int
    leads: int
    dialable: int
    completed: int
    last_dialled_timestamp: str | None


class DiallerStatistics(Struct):
    mode: CampaignMode | None
    lines_in_use: int
    attempts: int
    live_answers: int
    abandoned: int
    abandonment_rate: Annotated[float | None, Meta(description="abandoned ÷ liveAnswers; null without live answers.")]
    average_connect_delay_ms: int | None


class OutboundStatistics(Struct):
    campaign_id: int
    campaign_name: str
    agents: CampaignAgents
    is_active: bool
    created_date: str
    last_updated: str
    lists: list[ListStatistics]
    dialler: DiallerStatistics
    register_wash: Annotated[
        RegisterWash | None,
        Meta(description="The register that the campaign's regime asks for; null: it asks for none."),
    ]
    timestamp: str
    timezone: str


class InboundStatistics(Struct):
    campaign_id: int
    campaign_name: str
    max_call_waiting_time: Annotated[int, Meta(description="Seconds.")]
    average_waiting_time: Annotated[int, Meta(description="Seconds.")]
    estimated_call_waiting_time: Annotated[
        int | None,
        Meta(description="Seconds a caller who joined now would wait; null with nobody logged in who is not paused."),
    ]
    agents: CampaignAgents
    calls_waiting: int
    calls_received: int
    calls_abandoned_in_workflow: int
    calls_abandoned_in_queue: int
    calls_missed: Annotated[int, Meta(description="We hung up: nobody had answered, and the longest wait was over.")]
    calls_overflowed: Annotated[int, Meta(description="Went on to another queue.")]
    calls_to_voicemail: int
    service_level_seconds: Annotated[int, Meta(description="Within so long a call should be answered.")]
    service_level: Annotated[
        float | None,
        Meta(
            description="Share, 0 to 1, of the calls that were answered in time. Who gave up or went elsewhere within"
            " that time, or has not waited longer yet, is left out; who was hung up on is not. Null of none."
        ),
    ]
    timestamp: str
    timezone: str
