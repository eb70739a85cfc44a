-- How many callers were answered in time, kept with the other figures of a minute: answered within the queue's service
-- level, and answered or given up later. Who gave up within it counts in neither.

ALTER TABLE campaign_minutes ADD COLUMN in_time integer NOT NULL DEFAULT 0, ADD COLUMN too_late integer NOT NULL DEFAULT 0;
ALTER TABLE campaigns ADD COLUMN service_level_s double precision NOT NULL
    GENERATED ALWAYS AS (coalesce((queue ->> 'serviceLevelSeconds')::float8, 20)) STORED;

CREATE OR REPLACE FUNCTION count_activities_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_minutes AS m (organisation_id, campaign_id, minute, received, abandoned_in_workflow,
        abandoned_in_queue, handled, handling_s, waited, waiting_s, longest_wait_s,
        in_time, too_late)
    SELECT organisation_id, campaign_id, minute, sum(received), sum(in_workflow), sum(in_queue), sum(handled),
        sum(handling_s), sum(waited), sum(waiting_s), max(waiting_s), sum(in_time), sum(too_late)
    FROM (
        SELECT organisation_id, campaign_id, date_trunc('minute', created_at, 'UTC') AS minute,
            (parent_activity_id IS NULL)::int AS received, (status_id = 4)::int AS in_workflow,
            (status_id = 5)::int AS in_queue, (answered_at IS NOT NULL AND hang_up_at IS NOT NULL)::int AS handled,
            coalesce(seconds_between(answered_at, hang_up_at), 0)
                + CASE WHEN answered_at IS NULL THEN 0 ELSE coalesce(seconds_between(hang_up_at, wrap_up_at), 0) END
                AS handling_s,
            0 AS waited, 0 AS waiting_s, 0 AS in_time, 0 AS too_late
        FROM added WHERE type = 'call.inbound'
        UNION ALL
        SELECT w.organisation_id, w.campaign_id, date_trunc('minute', w.join_queue_at, 'UTC'), 0, 0, 0, 0, 0, 1,
            w.wait_s, (w.answered AND w.wait_s <= c.service_level_s)::int, (w.wait_s > c.service_level_s)::int
        FROM (
            SELECT organisation_id, campaign_id, join_queue_at, answered_at IS NOT NULL AS answered,
                seconds_between(join_queue_at, coalesce(answered_at, left_queue_at, hang_up_at)) AS wait_s
            FROM added
            WHERE type = 'call.inbound' AND join_queue_at IS NOT NULL
                AND coalesce(answered_at, left_queue_at, hang_up_at) IS NOT NULL
        ) AS w
        JOIN campaigns c ON c.organisation_id = w.organisation_id AND c.campaign_id = w.campaign_id
    ) AS part
    GROUP BY organisation_id, campaign_id, minute
    HAVING sum(received) <> 0 OR sum(in_workflow) <> 0 OR sum(in_queue) <> 0 OR sum(handled) <> 0 OR sum(waited) <> 0
    ORDER BY organisation_id, campaign_id, minute
    ON CONFLICT (organisation_id, campaign_id, minute) DO UPDATE SET
        received = m.received + excluded.received,
        abandoned_in_workflow = m.abandoned_in_workflow + excluded.abandoned_in_workflow,
        abandoned_in_queue = m.abandoned_in_queue + excluded.abandoned_in_queue,
        handled = m.handled + excluded.handled, handling_s = m.handling_s + excluded.handling_s,
        waited = m.waited + excluded.waited, waiting_s = m.waiting_s + excluded.waiting_s,
        longest_wait_s = greatest(m.longest_wait_s, excluded.longest_wait_s),
        in_time = m.in_time + excluded.in_time, too_late = m.too_late + excluded.too_late;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_activities_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_minutes AS m (organisation_id, campaign_id, minute, received, abandoned_in_workflow,
        abandoned_in_queue, handled, handling_s, waited, waiting_s, longest_wait_s,
        in_time, too_late)
    SELECT organisation_id, campaign_id, minute, sum(received), sum(in_workflow), sum(in_queue), sum(handled),
        sum(handling_s), sum(waited), sum(waiting_s), max(longest_wait_s), sum(in_time), sum(too_late)
    FROM (
        SELECT organisation_id, campaign_id, date_trunc('minute', created_at, 'UTC') AS minute,
            sign * (parent_activity_id IS NULL)::int AS received, sign * (status_id = 4)::int AS in_workflow,
            sign * (status_id = 5)::int AS in_queue,
            sign * (answered_at IS NOT NULL AND hang_up_at IS NOT NULL)::int AS handled,
            sign * (coalesce(seconds_between(answered_at, hang_up_at), 0)
                + CASE WHEN answered_at IS NULL THEN 0 ELSE coalesce(seconds_between(hang_up_at, wrap_up_at), 0) END)
                AS handling_s,
            0 AS waited, 0 AS waiting_s, 0 AS longest_wait_s, 0 AS in_time, 0 AS too_late
        FROM (
            SELECT 1 AS sign, organisation_id, campaign_id, type, created_at, parent_activity_id, status_id,
                answered_at, hang_up_at, wrap_up_at FROM added
            UNION ALL
            SELECT -1, organisation_id, campaign_id, type, created_at, parent_activity_id, status_id,
                answered_at, hang_up_at, wrap_up_at FROM removed
        ) AS change
        WHERE type = 'call.inbound'
        UNION ALL
        SELECT w.organisation_id, w.campaign_id, date_trunc('minute', w.join_queue_at, 'UTC'), 0, 0, 0, 0, 0, w.sign,
            w.sign * w.wait_s, greatest(0, w.sign * w.wait_s),
            w.sign * (w.answered AND w.wait_s <= c.service_level_s)::int, w.sign * (w.wait_s > c.service_level_s)::int
        FROM (
            SELECT sign, organisation_id, campaign_id, join_queue_at, answered, seconds_between(join_queue_at, ended) AS wait_s
            FROM (
                SELECT 1 AS sign, organisation_id, campaign_id, type, join_queue_at, answered_at IS NOT NULL AS answered,
                    coalesce(answered_at, left_queue_at, hang_up_at) AS ended FROM added
                UNION ALL
                SELECT -1, organisation_id, campaign_id, type, join_queue_at, answered_at IS NOT NULL,
                    coalesce(answered_at, left_queue_at, hang_up_at) FROM removed
            ) AS change
            WHERE type = 'call.inbound' AND join_queue_at IS NOT NULL AND ended IS NOT NULL
        ) AS w
        JOIN campaigns c ON c.organisation_id = w.organisation_id AND c.campaign_id = w.campaign_id
    ) AS part
    GROUP BY organisation_id, campaign_id, minute
    HAVING sum(received) <> 0 OR sum(in_workflow) <> 0 OR sum(in_queue) <> 0 OR sum(handled) <> 0
        OR sum(handling_s) <> 0 OR sum(waited) <> 0 OR sum(waiting_s) <> 0
    ORDER BY organisation_id, campaign_id, minute
    ON CONFLICT (organisation_id, campaign_id, minute) DO UPDATE SET
        received = m.received + excluded.received,
        abandoned_in_workflow = m.abandoned_in_workflow + excluded.abandoned_in_workflow,
        abandoned_in_queue = m.abandoned_in_queue + excluded.abandoned_in_queue,
        handled = m.handled + excluded.handled, handling_s = m.handling_s + excluded.handling_s,
        waited = m.waited + excluded.waited, waiting_s = m.waiting_s + excluded.waiting_s,
        longest_wait_s = greatest(m.longest_wait_s, excluded.longest_wait_s),
        in_time = m.in_time + excluded.in_time, too_late = m.too_late + excluded.too_late;
    RETURN NULL;
END $$;
