-- What a supervisor does for a while: an agent works for another campaign until it is moved back or signs out.

CREATE TABLE agent_moves (
    organisation_id bigint NOT NULL,
    agent_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    moved_at timestamptz NOT NULL,
    moved_by bigint NOT NULL,
    PRIMARY KEY (organisation_id, agent_id),
    FOREIGN KEY (organisation_id, agent_id) REFERENCES users ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, campaign_id) REFERENCES campaigns ON DELETE CASCADE
);

-- Who works for which campaign now: its members that were not moved elsewhere, and who was moved to it.
CREATE VIEW working_agents AS
SELECT m.organisation_id, m.campaign_id, m.agent_id FROM campaign_agents m
WHERE NOT EXISTS (SELECT FROM agent_moves v WHERE v.organisation_id = m.organisation_id AND v.agent_id = m.agent_id)
UNION ALL
SELECT organisation_id, campaign_id, agent_id FROM agent_moves;

-- A command about a caller who waits is for whoever leads the queue's campaign; null: for whoever has the agent.
ALTER TABLE workspace_commands ADD COLUMN campaign_id bigint;

-- Agents' time: every state from its beginning to its end, without a gap while an agent is signed in, kept by a trigger so
-- that no writer can forget it. The end of one is the beginning of the next, so that they add up whatever the clocks of
-- several processes say. `campaign_id`: of the call, preview or wrap-up.
CREATE TABLE agent_times (
    organisation_id bigint NOT NULL,
    agent_id bigint NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    state text NOT NULL,
    reason text,
    campaign_id bigint,
    PRIMARY KEY (organisation_id, agent_id, began_at)
);
CREATE INDEX agent_times_open_idx ON agent_times (organisation_id, agent_id) WHERE ended_at IS NULL;
CREATE INDEX agent_times_began_idx ON agent_times (organisation_id, began_at, agent_id);

ALTER TABLE agent_states ADD COLUMN campaign_id bigint;

INSERT INTO agent_times (organisation_id, agent_id, began_at, state, reason)
SELECT organisation_id, agent_id, since, state, CASE WHEN state = 'paused' THEN reason END
FROM agent_states WHERE state <> 'signed-out';

CREATE FUNCTION in_call(state text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN state IN ('dialling', 'on-call', 'on-wrap');

-- A state that begins before the one before it did, by another process's clock, begins with that, which lasted no time.
CREATE FUNCTION keep_agent_time() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    campaign bigint := CASE WHEN in_call(NEW.state) THEN NEW.campaign_id END;
    why text := CASE WHEN NEW.state = 'paused' THEN NEW.reason END;
    at timestamptz := NEW.since;
    last agent_times;
BEGIN
    SELECT * INTO last FROM agent_times
    WHERE organisation_id = NEW.organisation_id AND agent_id = NEW.agent_id ORDER BY began_at DESC LIMIT 1;
    IF last.began_at IS NOT NULL AND last.ended_at IS NULL THEN
        IF last.state = NEW.state AND last.reason IS NOT DISTINCT FROM why
            AND last.campaign_id IS NOT DISTINCT FROM campaign THEN
            RETURN NULL;
        END IF;
        IF last.state = NEW.state THEN
            -- another reason or campaign of a state that goes on begins now, and not when the state did
            at := clock_timestamp();
        END IF;
        at := greatest(at, last.began_at);
        IF at = last.began_at THEN
            DELETE FROM agent_times WHERE organisation_id = NEW.organisation_id AND agent_id = NEW.agent_id
                AND began_at = last.began_at;
        ELSE
            UPDATE agent_times SET ended_at = at WHERE organisation_id = NEW.organisation_id
                AND agent_id = NEW.agent_id AND began_at = last.began_at;
        END IF;
    ELSE
        at := greatest(at, coalesce(last.ended_at, at));
    END IF;
    IF NEW.state <> 'signed-out' THEN
        INSERT INTO agent_times (organisation_id, agent_id, began_at, state, reason, campaign_id)
        VALUES (NEW.organisation_id, NEW.agent_id, at, NEW.state, why, campaign);
    ELSE
        DELETE FROM agent_moves WHERE organisation_id = NEW.organisation_id AND agent_id = NEW.agent_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER agent_states_timed AFTER INSERT OR UPDATE ON agent_states
    FOR EACH ROW EXECUTE FUNCTION keep_agent_time();
