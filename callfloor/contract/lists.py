"""Lists of leads."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from callfloor.contract.fields import Id, PageQuery, Request, Struct

ListName = Annotated[str, Meta(min_length=1, max_length=200)]
Weight = Annotated[int, Meta(ge=0, le=100, description="Share of dialling among the campaign's lists; 0 dials none.")]


class ListsQuery(PageQuery):
    campaign_id: Id | None = None


class ListCreate(Request):
    list_name: ListName
    campaign_id: Id
    in_dialler: Annotated[
        bool | None,
        Meta(description="Whether its leads are dialled; default true. false: fill it first, and set it by PATCH."),
    ] = None
    weight: Annotated[
        Weight | None, Meta(description="Share of dialling among the campaign's lists; default 1, 0 dials none.")
    ] = None


class ListUpdate(Request):
    list_name: ListName | None | UnsetType = UNSET
    in_dialler: bool | None | UnsetType = UNSET
    weight: Weight | None | UnsetType = UNSET


class ListCreated(Struct):
    list_name: str
    campaign_id: int
    list_id: int


class ListTimestamps(Struct):
    created: str
    updated: str


class LeadList(Struct):
    id: int
    name: str
    campaign_id: int
    campaign_name: str
    in_dialler: bool
    weight: int
    timestamps: ListTimestamps
