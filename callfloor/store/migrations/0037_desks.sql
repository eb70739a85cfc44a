-- No calls are sent to an agent whose desk is gone (rules/routing/desks.py).

-- Seconds after its last sign of life; null: never.
ALTER TABLE organisations ADD COLUMN desk_gone_s integer DEFAULT 30 CHECK (desk_gone_s > 0);
-- Takes calls on a telephone alone.
ALTER TABLE users ADD COLUMN phone_without_desk boolean NOT NULL DEFAULT false;

-- Desks that have shown a sign of life since their agent signed in.
CREATE TABLE desks (
    organisation_id bigint NOT NULL,
    agent_id bigint NOT NULL,
    seen_at timestamptz NOT NULL,
    -- since when no calls are sent for that; null: they are
    gone_at timestamptz,
    PRIMARY KEY (organisation_id, agent_id),
    FOREIGN KEY (organisation_id, agent_id) REFERENCES users ON DELETE CASCADE
) WITH (fillfactor = 70);
