-- What an organisation keeps, in bytes, as the job process counted it last: rows as they are stored, without indexes, and
-- media. `at_least`: what it keeps with all but certainty, where only a sample of a large table was looked at.

CREATE TABLE organisation_storage (
    organisation_id bigint PRIMARY KEY REFERENCES organisations,
    counted_at timestamptz NOT NULL,
    at_least bigint NOT NULL,
    leads bigint NOT NULL,
    imports bigint NOT NULL,
    calls bigint NOT NULL,
    emails bigint NOT NULL,
    media bigint NOT NULL,
    other bigint NOT NULL
) WITH (fillfactor = 50);
