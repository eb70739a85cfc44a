-- A number's attempts in time: its limits are counted over all its leads before each attempt, and calls are found by
-- number. It replaces the index by number alone.
CREATE INDEX attempts_number_idx ON attempts (organisation_id, phone_number, dialled_at, attempt_id)
    WHERE phone_number IS NOT NULL;
DROP INDEX attempts_phone_idx;
