-- What is open is found in a table of its own. In an index with a condition on a leg's times, each step of a call would
-- be an entry in every index of `activities`; without one, a call's end is written in its row's place, with no index.
--
-- A leg of a call until it ends, an incoming e-mail as long as an agent has it. Not the first leg of a call that was
-- dialled after nothing else: its attempt is open as long as it is.
CREATE TABLE open_legs (
    organisation_id bigint NOT NULL,
    activity_id bigint NOT NULL,
    created_at timestamptz NOT NULL,
    campaign_id bigint NOT NULL,
    -- who has the e-mail
    agent_id bigint,
    PRIMARY KEY (organisation_id, activity_id)
);
CREATE INDEX open_legs_campaign_idx ON open_legs (organisation_id, campaign_id);
CREATE INDEX open_legs_agent_idx ON open_legs (organisation_id, agent_id) WHERE agent_id IS NOT NULL;

CREATE FUNCTION keep_open_leg() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'DELETE' AND NEW.hang_up_at IS NULL
        AND (NEW.type LIKE 'call.%' OR NEW.agent_id IS NOT NULL AND NEW.wrap_up_at IS NULL) THEN
        INSERT INTO open_legs AS o (organisation_id, activity_id, created_at, campaign_id, agent_id)
        VALUES (NEW.organisation_id, NEW.activity_id, NEW.created_at, NEW.campaign_id,
            CASE WHEN NEW.type = 'email.inbound' THEN NEW.agent_id END)
        ON CONFLICT (organisation_id, activity_id) DO UPDATE SET
            campaign_id = excluded.campaign_id, agent_id = excluded.agent_id;
    ELSIF TG_OP <> 'INSERT' THEN
        DELETE FROM open_legs WHERE organisation_id = OLD.organisation_id AND activity_id = OLD.activity_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER activities_opened AFTER INSERT ON activities FOR EACH ROW
    WHEN (NEW.hang_up_at IS NULL AND (NEW.type = 'call.inbound' OR NEW.type LIKE 'call.%'
            AND (NEW.attempt_id IS NULL OR NEW.parent_activity_id IS NOT NULL)
        OR NEW.type = 'email.inbound' AND NEW.agent_id IS NOT NULL))
    EXECUTE FUNCTION keep_open_leg();
CREATE TRIGGER activities_closed AFTER UPDATE ON activities FOR EACH ROW
    WHEN ((NEW.type = 'call.inbound' OR NEW.type LIKE 'call.%'
            AND (NEW.attempt_id IS NULL OR NEW.parent_activity_id IS NOT NULL))
            AND ((OLD.hang_up_at IS NULL) <> (NEW.hang_up_at IS NULL)
                OR NEW.hang_up_at IS NULL AND OLD.campaign_id <> NEW.campaign_id)
        OR NEW.type = 'email.inbound' AND ((OLD.hang_up_at IS NULL) <> (NEW.hang_up_at IS NULL)
            OR (OLD.wrap_up_at IS NULL) <> (NEW.wrap_up_at IS NULL) OR OLD.campaign_id <> NEW.campaign_id
            OR OLD.agent_id IS DISTINCT FROM NEW.agent_id))
    EXECUTE FUNCTION keep_open_leg();
CREATE TRIGGER activities_gone AFTER DELETE ON activities FOR EACH ROW
    WHEN (OLD.hang_up_at IS NULL) EXECUTE FUNCTION keep_open_leg();

INSERT INTO open_legs
SELECT organisation_id, activity_id, created_at, campaign_id, CASE WHEN type = 'email.inbound' THEN agent_id END
FROM activities
WHERE hang_up_at IS NULL AND (type = 'call.inbound'
    OR type LIKE 'call.%' AND (attempt_id IS NULL OR parent_activity_id IS NOT NULL)
    OR type = 'email.inbound' AND agent_id IS NOT NULL AND wrap_up_at IS NULL);

DROP INDEX activities_open_idx, activities_waiting_idx, activities_held_idx;

-- Room on each page for what becomes of its rows while their calls go on.
CREATE OR REPLACE FUNCTION ensure_partitions(first timestamptz, last timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
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
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)',
                    partition, family, month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC',
                    CASE family WHEN 'evidence' THEN 100 ELSE 80 END);
            END IF;
        END LOOP;
        month := month + interval '1 month';
    END LOOP;
END $$;
DO $$
DECLARE
    each record;
BEGIN
    EXECUTE format('ALTER FUNCTION ensure_partitions(timestamptz, timestamptz) SET search_path = %I, pg_temp',
        current_schema());
    FOR each IN SELECT inhrelid::regclass AS partition FROM pg_inherits
        WHERE inhparent IN ('attempts'::regclass, 'activities'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s SET (fillfactor = 80)', each.partition);
    END LOOP;
END $$;
