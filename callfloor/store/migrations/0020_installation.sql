-- Which database this is, so that a copy of it is known for one: a copy neither dials nor sends or fetches e-mail before
-- somebody says that it has taken the place of what it was copied from (callfloor db adopt, decision 22). It stands in
-- the row of the first migration: like the schema's history, and nothing else, it belongs to no organisation.
ALTER TABLE schema_migrations
    -- of the database that was last adopted: cluster, database and, where it is embedded, the folder's file
    ADD COLUMN identity text COLLATE "C",
    ADD COLUMN held_since timestamptz,
    ADD COLUMN held_why text COLLATE "C";
