-- Who was in which team, and when: reports by team count what an agent did while in it. A change counts from the beginning of
-- the quarter-hour in which it is made, which is not over; so it revises nothing.

CREATE TABLE team_times (
    organisation_id bigint NOT NULL,
    team_id bigint NOT NULL,
    agent_id bigint NOT NULL,
    since timestamptz NOT NULL,
    -- null: is in it
    until timestamptz,
    PRIMARY KEY (organisation_id, team_id, agent_id, since),
    FOREIGN KEY (organisation_id, team_id) REFERENCES teams ON DELETE CASCADE,
    FOREIGN KEY (organisation_id, agent_id) REFERENCES users ON DELETE CASCADE
);
CREATE INDEX team_times_agent_idx ON team_times (organisation_id, agent_id, since);
-- what was before is not known
INSERT INTO team_times (organisation_id, team_id, agent_id, since)
SELECT organisation_id, team_id, user_id, '-infinity' FROM team_members WHERE NOT leads;

CREATE FUNCTION keep_team_times() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := quarter_of(now());
BEGIN
    IF TG_OP <> 'INSERT' AND NOT OLD.leads THEN
        DELETE FROM team_times WHERE organisation_id = OLD.organisation_id AND team_id = OLD.team_id
            AND agent_id = OLD.user_id AND until IS NULL AND since = at;
        UPDATE team_times SET until = at WHERE organisation_id = OLD.organisation_id AND team_id = OLD.team_id
            AND agent_id = OLD.user_id AND until IS NULL;
    END IF;
    IF TG_OP <> 'DELETE' AND NOT NEW.leads THEN
        -- whoever leaves and comes back within a quarter-hour was never away
        UPDATE team_times SET until = NULL WHERE organisation_id = NEW.organisation_id AND team_id = NEW.team_id
            AND agent_id = NEW.user_id AND until = at;
        IF NOT FOUND THEN
            INSERT INTO team_times (organisation_id, team_id, agent_id, since)
            VALUES (NEW.organisation_id, NEW.team_id, NEW.user_id, at);
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER team_members_times AFTER INSERT OR UPDATE OR DELETE ON team_members
    FOR EACH ROW EXECUTE FUNCTION keep_team_times();
