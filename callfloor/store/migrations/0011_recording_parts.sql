-- The parts of its call's recording that hold what was said in this leg, or a message that was left in it. The carrier's
-- name of a recording is the call and the part, so whoever finds one there knows whose it is. A dialled call's first leg
-- is part 0 without a note.
ALTER TABLE activities ADD COLUMN recording_parts integer[];
