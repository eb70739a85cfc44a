-- Why each attempt was allowed (rules/evidence.py, docs/evidence.md). The dialler inserts a row in the transaction that
-- writes the attempt; a job gives it its place in the organisation's chain afterwards.
CREATE TABLE evidence (
    organisation_id bigint NOT NULL,
    attempt_id bigint NOT NULL,
    dialled_at timestamptz NOT NULL,
    -- nothing personal; holds a commitment to each personal field
    public jsonb NOT NULL,
    -- {name: {"salt", "value"}}; an erasure empties it, and nothing else
    personal jsonb NOT NULL,
    -- in the order of sealing; NULL until then
    position bigint CHECK (position > 0),
    previous_hash bytea,
    hash bytea,
    CHECK (num_nulls(position, previous_hash, hash) IN (0, 3)),
    PRIMARY KEY (organisation_id, attempt_id, dialled_at)
) PARTITION BY RANGE (dialled_at);
CREATE INDEX evidence_unsealed_idx ON evidence (organisation_id, dialled_at, attempt_id) WHERE position IS NULL;
CREATE INDEX evidence_position_idx ON evidence (organisation_id, position) WHERE position IS NOT NULL;

CREATE TABLE evidence_default PARTITION OF evidence DEFAULT;

-- A signed stretch of the chain: what was sealed since the stretch before it was signed. `previous` is the hash before
-- `first`, so that a stretch can be checked without those before it.
CREATE TABLE evidence_days (
    organisation_id bigint NOT NULL REFERENCES organisations,
    -- in UTC
    day date NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    previous bytea NOT NULL,
    head bytea NOT NULL,
    count bigint NOT NULL CHECK (count > 0),
    signature bytea NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, day)
);

-- As before, and for evidence too.
CREATE OR REPLACE FUNCTION ensure_partitions(first timestamptz, last timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    month timestamp := date_trunc('month', first AT TIME ZONE 'UTC');
    family text;
    partition text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('callfloor partitions', 0));
    WHILE month <= last AT TIME ZONE 'UTC' LOOP
        FOREACH family IN ARRAY ARRAY['attempts', 'activities', 'evidence'] LOOP
            partition := family || '_' || to_char(month, 'YYYY_MM');
            IF to_regclass(partition) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', partition, family,
                    month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
            END IF;
        END LOOP;
        month := month + interval '1 month';
    END LOOP;
END $$;
SELECT ensure_partitions(now() - interval '1 month', now() + interval '3 months');
