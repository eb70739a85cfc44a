-- The callback that a lead waited for when it was dialled, so that one that nobody was spoken to about is not lost with its
-- attempt: it is the lead's again (store/attempts.FINISH_SQL).
ALTER TABLE attempts ADD COLUMN callback_status smallint, ADD COLUMN callback_at timestamptz;
