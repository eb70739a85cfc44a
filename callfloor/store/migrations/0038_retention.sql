-- How long an organisation keeps what is a customer's, what must be kept all the same, and what was deleted
-- (docs/retention.md).
CREATE TABLE retention_rules (
    organisation_id bigint NOT NULL,
    -- 0: of the whole organisation
    campaign_id bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    days integer NOT NULL CHECK (days > 0),
    PRIMARY KEY (organisation_id, campaign_id, kind)
);

CREATE TABLE legal_holds (
    organisation_id bigint NOT NULL,
    hold_id bigint GENERATED ALWAYS AS IDENTITY,
    object_type text COLLATE "C" NOT NULL CHECK (object_type IN ('lead', 'call', 'campaign')),
    -- of a call: its first activity
    object_id bigint NOT NULL,
    reason text NOT NULL,
    placed_by bigint,
    placed_at timestamptz NOT NULL,
    lifted_at timestamptz,
    PRIMARY KEY (organisation_id, hold_id)
);
CREATE INDEX legal_holds_object_idx ON legal_holds (organisation_id, object_type, object_id) WHERE lifted_at IS NULL;

CREATE TABLE retention_runs (
    organisation_id bigint NOT NULL,
    run_id bigint GENERATED ALWAYS AS IDENTITY,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    -- how many of each kind
    counts jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (organisation_id, run_id)
);
