-- What the floor needs: who dials a campaign, what an abandoned lead is owed, why an agent is paused.

-- Which engine dials a campaign. The lease itself is an advisory lock, which goes with the engine's connection; this row
-- is the fence: an engine that slept through the loss of its lock finds another's name here and dials nobody.
CREATE TABLE campaign_leases (
    organisation_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    engine uuid NOT NULL,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, campaign_id),
    FOREIGN KEY (organisation_id, campaign_id) REFERENCES campaigns ON DELETE CASCADE
);

-- When somebody last answered this lead's phone and was not given an agent.
ALTER TABLE leads ADD COLUMN abandoned_at timestamptz;

-- Why an agent is paused, in the words of who asked for it.
ALTER TABLE agent_states ADD COLUMN reason text;

-- The dialler walks each status of a list by due time, then by upload (store/selection.py), so that a strategy's priority
-- by status costs nothing.
DROP INDEX leads_dialling_idx;
CREATE INDEX leads_dialling_idx ON leads (organisation_id, list_id, status_code, next_attempt_at, lead_id)
    WHERE dialable AND in_flight_attempt_id IS NULL;

-- Why an agent did not want to call a lead that was shown.
CREATE TABLE lead_skips (
    organisation_id bigint NOT NULL,
    lead_id bigint NOT NULL,
    skipped_at timestamptz NOT NULL,
    agent_id bigint NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (organisation_id, lead_id, skipped_at),
    FOREIGN KEY (organisation_id, lead_id) REFERENCES leads ON DELETE CASCADE
);
