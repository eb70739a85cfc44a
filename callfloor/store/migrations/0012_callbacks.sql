-- A callback whose agent can make it no more becomes the queue's; the lead says whose it was, since when and why
-- (rules/callbacks.Moved).
ALTER TABLE leads ADD COLUMN callback_was_of bigint;
ALTER TABLE leads ADD COLUMN callback_moved_at timestamptz;
ALTER TABLE leads ADD COLUMN callback_moved_why smallint;
