-- Counts and figures without transition tables, which a table that is distributed by Citus cannot have: row triggers that
-- write rows of the same organisation by their keys, and fire only where something that is counted changes (decision 4).

-- IMMUTABLE: a difference of two moments knows no zone. Written so that PostgreSQL still puts it into the statement.
CREATE OR REPLACE FUNCTION seconds_between(earlier timestamptz, later timestamptz) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (floor(extract(epoch FROM later - timestamptz '2000-01-01 00:00:00+00'))
    - floor(extract(epoch FROM earlier - timestamptz '2000-01-01 00:00:00+00')))::integer;

-- Leads of a list. Whoever inserts many counts them itself, once, and says so in the row.
ALTER TABLE leads ADD COLUMN counted boolean;

DROP TRIGGER leads_inserted ON leads;
DROP TRIGGER leads_updated ON leads;
DROP TRIGGER leads_deleted ON leads;
DROP FUNCTION count_leads_inserted(), count_leads_updated(), count_leads_deleted();

CREATE FUNCTION add_to_list(organisation bigint, list bigint, more bigint, more_dialable bigint, more_completed bigint)
    RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO list_counts AS c (organisation_id, list_id, shard, leads, dialable, completed)
    VALUES (organisation, list, pg_backend_pid() % 64, more, more_dialable, more_completed)
    ON CONFLICT (organisation_id, list_id, shard) DO UPDATE SET
        leads = c.leads + excluded.leads, dialable = c.dialable + excluded.dialable,
        completed = c.completed + excluded.completed;
END $$;

CREATE FUNCTION count_lead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.list_id = OLD.list_id THEN
        PERFORM add_to_list(NEW.organisation_id, NEW.list_id, 0, NEW.dialable::int - OLD.dialable::int,
            (NEW.completed_at IS NOT NULL)::int - (OLD.completed_at IS NOT NULL)::int);
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM add_to_list(OLD.organisation_id, OLD.list_id, -1, -OLD.dialable::int, -(OLD.completed_at IS NOT NULL)::int);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM add_to_list(NEW.organisation_id, NEW.list_id, 1, NEW.dialable::int, (NEW.completed_at IS NOT NULL)::int);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER leads_counted_inserted AFTER INSERT ON leads FOR EACH ROW WHEN (NEW.counted IS NOT TRUE)
    EXECUTE FUNCTION count_lead();
CREATE TRIGGER leads_counted_updated AFTER UPDATE ON leads FOR EACH ROW
    WHEN (NEW.dialable <> OLD.dialable OR (NEW.completed_at IS NULL) <> (OLD.completed_at IS NULL)
        OR NEW.list_id <> OLD.list_id)
    EXECUTE FUNCTION count_lead();
CREATE TRIGGER leads_counted_deleted AFTER DELETE ON leads FOR EACH ROW EXECUTE FUNCTION count_lead();

-- Do not call: as before, a number at a time.
CREATE OR REPLACE FUNCTION block_as_asked(organisations bigint[], campaigns bigint[], leads bigint[], numbers text[])
    RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    asked json := coalesce(nullif(current_setting('callfloor.asked', true), ''), '{}')::json;
    wish record;
    own_list text;
    blocked integer := 0;
    changed integer;
BEGIN
    -- in the order in which others lock entries
    FOR wish IN
        SELECT DISTINCT ON (w.organisation_id, hashed, w.campaign_id) w.*, number_hash(o.hash_key, w.number) AS hashed,
            o.do_not_call
        FROM unnest(organisations, campaigns, leads, numbers) AS w (organisation_id, campaign_id, lead_id, number)
        JOIN organisations o ON o.organisation_id = w.organisation_id
        WHERE w.number IS NOT NULL ORDER BY w.organisation_id, hashed, w.campaign_id
    LOOP
        SELECT coalesce(c.dialling->>'doNotCall', wish.do_not_call) INTO own_list
        FROM campaigns c WHERE c.organisation_id = wish.organisation_id AND c.campaign_id = wish.campaign_id;
        INSERT INTO do_not_call AS d (organisation_id, number_hash, campaign_id, phone_number, reason, source, added_by,
            lead_id, activity_id, created_at)
        VALUES (wish.organisation_id, wish.hashed, CASE WHEN own_list = 'campaign' THEN wish.campaign_id ELSE 0 END, wish.number,
            asked->>'reason', coalesce(asked->>'source', 'lead-status'), (asked->>'actor')::bigint, wish.lead_id,
            (asked->>'activity')::bigint, coalesce((asked->>'at')::timestamptz, now()))
        ON CONFLICT (organisation_id, number_hash, campaign_id, register) DO UPDATE SET
            phone_number = excluded.phone_number, reason = excluded.reason, source = excluded.source,
            added_by = excluded.added_by, lead_id = excluded.lead_id, activity_id = excluded.activity_id,
            created_at = excluded.created_at, expires_at = NULL
            WHERE d.expires_at IS NOT NULL OR d.phone_number IS NULL;
        GET DIAGNOSTICS changed = ROW_COUNT;
        blocked := blocked + changed;
    END LOOP;
    RETURN blocked;
END $$;

DROP TRIGGER leads_blocked_inserted ON leads;
DROP FUNCTION block_leads_inserted();
CREATE OR REPLACE FUNCTION block_lead_updated() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    campaign bigint;
BEGIN
    SELECT s.campaign_id INTO campaign FROM lists s
    WHERE s.organisation_id = NEW.organisation_id AND s.list_id = NEW.list_id;
    PERFORM block_as_asked(array_fill(NEW.organisation_id, ARRAY[3]), array_fill(campaign, ARRAY[3]),
        array_fill(NEW.lead_id, ARRAY[3]), ARRAY[NEW.phone1, NEW.phone2, NEW.phone3]);
    RETURN NULL;
END $$;
CREATE TRIGGER leads_blocked_inserted AFTER INSERT ON leads FOR EACH ROW WHEN (NEW.status_code = 11)
    EXECUTE FUNCTION block_lead_updated();

-- Attempts are counted once, when it is decided what they are: an agent joined, or they ended. Those of which it is not
-- decided yet are few, and are counted by whoever reads (store/figures/).
DROP TRIGGER attempts_inserted ON attempts;
DROP TRIGGER attempts_updated ON attempts;
DROP FUNCTION count_attempts_inserted(), count_attempts_updated();

CREATE FUNCTION count_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more integer := 1;
    live integer := (NEW.dial_status IN (1, 7))::int;
    gone integer := (NEW.dial_status = 7)::int;
    joined integer := (NEW.connect_delay_ms IS NOT NULL)::int;
    delay bigint := coalesce(NEW.connect_delay_ms, 0);
BEGIN
    IF TG_OP = 'UPDATE' AND (OLD.hang_up_at IS NOT NULL OR OLD.connect_delay_ms IS NOT NULL) THEN
        more := 0;
        live := live - (OLD.dial_status IN (1, 7))::int;
        gone := gone - (OLD.dial_status = 7)::int;
        joined := joined - (OLD.connect_delay_ms IS NOT NULL)::int;
        delay := delay - coalesce(OLD.connect_delay_ms, 0);
    END IF;
    INSERT INTO campaign_minutes AS m (organisation_id, campaign_id, minute, attempts, live_answers, abandoned, connected,
        connect_delay_ms)
    VALUES (NEW.organisation_id, NEW.campaign_id, date_trunc('minute', NEW.dialled_at, 'UTC'), more, live, gone, joined,
        delay)
    ON CONFLICT (organisation_id, campaign_id, minute) DO UPDATE SET
        attempts = m.attempts + excluded.attempts, live_answers = m.live_answers + excluded.live_answers,
        abandoned = m.abandoned + excluded.abandoned, connected = m.connected + excluded.connected,
        connect_delay_ms = m.connect_delay_ms + excluded.connect_delay_ms;
    RETURN NULL;
END $$;
-- The dialler's only: a call that an agent dialled by hand is not the dialler's.
CREATE TRIGGER attempts_counted_inserted AFTER INSERT ON attempts FOR EACH ROW
    WHEN (NEW.mode <> 'manual' AND (NEW.hang_up_at IS NOT NULL OR NEW.connect_delay_ms IS NOT NULL))
    EXECUTE FUNCTION count_attempt();
CREATE TRIGGER attempts_counted_updated AFTER UPDATE ON attempts FOR EACH ROW
    WHEN (NEW.mode <> 'manual' AND (NEW.hang_up_at IS NOT NULL OR NEW.connect_delay_ms IS NOT NULL)
        AND (OLD.hang_up_at IS NULL AND OLD.connect_delay_ms IS NULL OR NEW.dial_status <> OLD.dial_status
            OR NEW.connect_delay_ms IS DISTINCT FROM OLD.connect_delay_ms))
    EXECUTE FUNCTION count_attempt();

UPDATE campaign_minutes m SET attempts = m.attempts - o.attempts, live_answers = m.live_answers - o.live
FROM (
    SELECT organisation_id, campaign_id, date_trunc('minute', dialled_at, 'UTC') AS minute, count(*) AS attempts,
        count(*) FILTER (WHERE dial_status IN (1, 7)) AS live
    FROM attempts WHERE hang_up_at IS NULL AND connect_delay_ms IS NULL AND mode <> 'manual' GROUP BY 1, 2, 3
) AS o
WHERE m.organisation_id = o.organisation_id AND m.campaign_id = o.campaign_id AND m.minute = o.minute;

-- Legs of calls that came in, at each step: what each figure counts is docs/figures.md.
DROP TRIGGER activities_inserted ON activities;
DROP TRIGGER activities_updated ON activities;
DROP FUNCTION count_activities_inserted(), count_activities_updated();

CREATE FUNCTION count_leg() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    new_level double precision;
    old_level double precision;
    each record;
BEGIN
    IF NEW.join_queue_at IS NOT NULL THEN
        SELECT service_level_s INTO new_level FROM campaigns
        WHERE organisation_id = NEW.organisation_id AND campaign_id = NEW.campaign_id;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.join_queue_at IS NOT NULL THEN
        SELECT service_level_s INTO old_level FROM campaigns
        WHERE organisation_id = OLD.organisation_id AND campaign_id = OLD.campaign_id;
    END IF;
    FOR each IN
        WITH change AS MATERIALIZED (
            SELECT 1 AS sign, new_level AS level, NEW.campaign_id, NEW.created_at, NEW.parent_activity_id, NEW.leg_type,
                NEW.status_id, NEW.agent_id, NEW.join_queue_at, NEW.answered_at, NEW.hang_up_at, NEW.wrap_up_at,
                seconds_between(NEW.join_queue_at, coalesce(NEW.answered_at, NEW.left_queue_at, NEW.hang_up_at)) AS wait_s
            UNION ALL
            SELECT -1, old_level, OLD.campaign_id, OLD.created_at, OLD.parent_activity_id, OLD.leg_type,
                OLD.status_id, OLD.agent_id, OLD.join_queue_at, OLD.answered_at, OLD.hang_up_at, OLD.wrap_up_at,
                seconds_between(OLD.join_queue_at, coalesce(OLD.answered_at, OLD.left_queue_at, OLD.hang_up_at))
            WHERE TG_OP = 'UPDATE'
        )
        SELECT campaign_id, minute, sum(received) AS received, sum(in_workflow) AS in_workflow, sum(in_queue) AS in_queue,
            sum(missed) AS missed, sum(overflowed) AS overflowed, sum(voicemails) AS voicemails, sum(handled) AS handled,
            sum(handling_s) AS handling_s, sum(waited) AS waited, sum(waiting_s) AS waiting_s,
            max(longest_wait_s) AS longest_wait_s, sum(in_time) AS in_time, sum(too_late) AS too_late
        FROM (
            SELECT campaign_id, date_trunc('minute', created_at, 'UTC') AS minute,
                sign * (parent_activity_id IS NULL
                    OR join_queue_at IS NOT NULL AND leg_type IS DISTINCT FROM 'return')::int AS received,
                sign * (status_id = 4)::int AS in_workflow, sign * (status_id = 5)::int AS in_queue,
                sign * (status_id = 10)::int AS missed, sign * (status_id = 11)::int AS overflowed,
                sign * (status_id = 6)::int AS voicemails,
                sign * (answered_at IS NOT NULL AND hang_up_at IS NOT NULL AND agent_id IS NOT NULL
                    AND leg_type IS DISTINCT FROM 'consult')::int AS handled,
                sign * (CASE WHEN agent_id IS NULL OR answered_at IS NULL THEN 0
                    ELSE coalesce(seconds_between(answered_at, hang_up_at), 0)
                        + coalesce(seconds_between(hang_up_at, wrap_up_at), 0) END) AS handling_s,
                0 AS waited, 0 AS waiting_s, 0 AS longest_wait_s, 0 AS in_time, 0 AS too_late
            FROM change
            UNION ALL
            SELECT campaign_id, date_trunc('minute', join_queue_at, 'UTC'), 0, 0, 0, 0, 0, 0, 0, 0, sign, sign * wait_s,
                greatest(0, sign * wait_s), sign * (answered_at IS NOT NULL AND wait_s <= level)::int,
                sign * (status_id = 10 OR wait_s > level)::int
            FROM change WHERE wait_s IS NOT NULL
        ) AS part
        GROUP BY campaign_id, minute ORDER BY campaign_id, minute
    LOOP
        CONTINUE WHEN each.received = 0 AND each.in_workflow = 0 AND each.in_queue = 0 AND each.missed = 0
            AND each.overflowed = 0 AND each.voicemails = 0 AND each.handled = 0 AND each.handling_s = 0
            AND each.waited = 0 AND each.waiting_s = 0 AND each.in_time = 0 AND each.too_late = 0;
        INSERT INTO campaign_minutes AS m (organisation_id, campaign_id, minute, received, abandoned_in_workflow,
            abandoned_in_queue, missed, overflowed, voicemails, handled, handling_s, waited, waiting_s, longest_wait_s,
            in_time, too_late)
        VALUES (NEW.organisation_id, each.campaign_id, each.minute, each.received, each.in_workflow, each.in_queue,
            each.missed, each.overflowed, each.voicemails, each.handled, each.handling_s, each.waited, each.waiting_s,
            each.longest_wait_s, each.in_time, each.too_late)
        ON CONFLICT (organisation_id, campaign_id, minute) DO UPDATE SET
            received = m.received + excluded.received,
            abandoned_in_workflow = m.abandoned_in_workflow + excluded.abandoned_in_workflow,
            abandoned_in_queue = m.abandoned_in_queue + excluded.abandoned_in_queue, missed = m.missed + excluded.missed,
            overflowed = m.overflowed + excluded.overflowed, voicemails = m.voicemails + excluded.voicemails,
            handled = m.handled + excluded.handled, handling_s = m.handling_s + excluded.handling_s,
            waited = m.waited + excluded.waited, waiting_s = m.waiting_s + excluded.waiting_s,
            longest_wait_s = greatest(m.longest_wait_s, excluded.longest_wait_s),
            in_time = m.in_time + excluded.in_time, too_late = m.too_late + excluded.too_late;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER activities_counted_inserted AFTER INSERT ON activities FOR EACH ROW WHEN (NEW.type = 'call.inbound')
    EXECUTE FUNCTION count_leg();
CREATE TRIGGER activities_counted_updated AFTER UPDATE ON activities FOR EACH ROW
    WHEN (NEW.type = 'call.inbound' AND (OLD.campaign_id, OLD.parent_activity_id, OLD.leg_type, OLD.status_id, OLD.agent_id,
            OLD.join_queue_at, OLD.answered_at, OLD.left_queue_at, OLD.hang_up_at, OLD.wrap_up_at)
        IS DISTINCT FROM (NEW.campaign_id, NEW.parent_activity_id, NEW.leg_type, NEW.status_id, NEW.agent_id,
            NEW.join_queue_at, NEW.answered_at, NEW.left_queue_at, NEW.hang_up_at, NEW.wrap_up_at))
    EXECUTE FUNCTION count_leg();
