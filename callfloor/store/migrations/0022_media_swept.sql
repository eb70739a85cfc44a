-- When the media store was looked through last for bytes that nobody needs: processes that start anew go on from there.
-- It stands beside what else there is once in a database (store/installation.py).
ALTER TABLE schema_migrations ADD COLUMN media_swept_at timestamptz;
