-- Keys of organisations, wrapped under the installation's master key (rules/privacy/wrapping.py), which is in no
-- database. A retired one keeps its public half alone, to verify. Those in clear in `organisations` are wrapped and emptied
-- when a server or a command starts; their columns stay empty from then on.
CREATE TABLE organisation_keys (
    organisation_id bigint NOT NULL REFERENCES organisations,
    purpose text COLLATE "C" NOT NULL CHECK (purpose IN ('signing', 'function')),
    key_id text COLLATE "C" NOT NULL,
    -- Ed25519, raw; of a signing key
    public_key bytea,
    wrapped bytea,
    master_id text COLLATE "C",
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    PRIMARY KEY (organisation_id, purpose, key_id),
    CHECK (num_nulls(wrapped, master_id) IN (0, 2)),
    CHECK (wrapped IS NOT NULL OR retired_at IS NOT NULL)
);
CREATE UNIQUE INDEX organisation_keys_current_idx ON organisation_keys (organisation_id, purpose)
    WHERE retired_at IS NULL;
ALTER TABLE organisations ALTER COLUMN signing_key DROP NOT NULL, ALTER COLUMN function_key DROP NOT NULL,
    ALTER COLUMN function_key DROP DEFAULT;
