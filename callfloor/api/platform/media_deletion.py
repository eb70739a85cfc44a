"""Media are destroyed, and it is kept who did it and why."""

from __future__ import annotations

from callfloor.api.audits import own
from callfloor.api.call import Call, held, not_found
from callfloor.api.operation import operation
from callfloor.contract.media import MediaDeletionQuery
from callfloor.errors import LegalHold
from callfloor.jobs.media import destroy
from callfloor.store.calls import media
from callfloor.store.privacy import legal_holds


@operation(
    "DELETE",
    "/admin/media/{mediaId}",
    scope="admin",
    summary="Delete media",
    tag="admin",
    status=204,
    ours=True,
    problems=[LegalHold],
    query={"reason": "The caller asked for it."},
    audits=own("media.delete", "media"),
)
async def delete_media(call: Call, media_id: int, query: MediaDeletionQuery) -> None:
    """Destroy the bytes of a recording, voicemail or attachment and keep who did it, when and why.

    Media that were deleted before stay as they are. When the media store cannot be reached the bytes go as soon as it
    can.
    """
    row = await media.get(call.db, call.organisation, media_id)
    if row is None:
        raise not_found("media")
    async with call.db.transaction():
        # a hold that is placed now waits for this, or is seen
        await legal_holds.lock(call.db, call.organisation)
        if holds := await legal_holds.held(call.db, call.organisation, (), [row["activity_id"] or 0]):
            raise held("This", holds)
        sha256 = await media.mark_deleted(call.db, call.organisation, media_id, call.actor, query.reason, call.now)
        call.audit.entry()
        await call.audit.write()
    if sha256 is not None:
        await destroy(call.db, call.services.blobs, call.organisation, sha256)
