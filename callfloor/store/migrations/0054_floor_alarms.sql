-- What supervisors have to know of the destination policy: calls that it refused, limits that are nearly or wholly used
-- up. One row for each cause (and agent; 0: nobody in particular) in each quarter of an hour, whoever found it first.

CREATE TABLE floor_alarms (
    organisation_id bigint NOT NULL REFERENCES organisations,
    quarter timestamptz NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('refused', 'near', 'used-up')),
    reason text COLLATE "C" NOT NULL,
    agent_id bigint NOT NULL,
    raised_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, quarter, kind, reason, agent_id)
);
