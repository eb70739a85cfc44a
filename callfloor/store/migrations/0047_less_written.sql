-- Evidence takes half of what a dialled call writes, nearly all of it words that stand in every record, and sealing
-- writes the row again. New records are packed (rules/evidence/packing.py); those that are there stay as they are.
ALTER TABLE evidence ADD COLUMN packed bytea, ALTER COLUMN public DROP NOT NULL;
ALTER TABLE evidence ADD CHECK (num_nonnulls(public, packed) = 1) NOT VALID;
-- it does not get shorter, so no time is spent on trying
ALTER TABLE evidence ALTER COLUMN packed SET STORAGE EXTERNAL;

-- No query reads it, and it kept the end of each of an agent's states from being written in place.
DROP INDEX agent_times_open_idx;
