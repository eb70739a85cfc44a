-- What a queue received, whatever brought the call there, and what became of it (docs/figures.md): calls of other queues
-- and agents count, numbers outside are nobody's handling, a second agent's time is part of the call's, and whoever is
-- hung up on was not answered in time.

ALTER TABLE campaign_minutes ADD COLUMN missed integer NOT NULL DEFAULT 0,
    ADD COLUMN overflowed integer NOT NULL DEFAULT 0, ADD COLUMN voicemails integer NOT NULL DEFAULT 0;

CREATE OR REPLACE FUNCTION count_activities_inserted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_minutes AS m (
        organisation_id, campaign_id, minute, received, abandoned_in_workflow, abandoned_in_queue, missed,
        overflowed, voicemails, handled, handling_s, waited, waiting_s, longest_wait_s, in_time, too_late)
    SELECT organisation_id, campaign_id, minute, sum(received), sum(abandoned_in_workflow),
    sum(abandoned_in_queue), sum(missed), sum(overflowed), sum(voicemails), sum(handled), sum(handling_s),
    sum(waited), sum(waiting_s), max(longest_wait_s), sum(in_time), sum(too_late)
    FROM (
        SELECT organisation_id, campaign_id, date_trunc('minute', created_at, 'UTC') AS minute,
            (parent_activity_id IS NULL OR join_queue_at IS NOT NULL AND leg_type IS DISTINCT FROM 'return')::int
                AS received,
            (status_id = 4)::int AS abandoned_in_workflow, (status_id = 5)::int AS abandoned_in_queue,
            (status_id = 10)::int AS missed, (status_id = 11)::int AS overflowed,
            (status_id = 6)::int AS voicemails,
            (answered_at IS NOT NULL AND hang_up_at IS NOT NULL AND agent_id IS NOT NULL
                AND leg_type IS DISTINCT FROM 'consult')::int AS handled,
            (CASE WHEN agent_id IS NULL THEN 0 ELSE coalesce(seconds_between(answered_at, hang_up_at), 0)
                + CASE WHEN answered_at IS NULL THEN 0 ELSE coalesce(seconds_between(hang_up_at, wrap_up_at), 0) END END) AS handling_s,
            0 AS waited, 0 AS waiting_s, 0 AS longest_wait_s, 0 AS in_time, 0 AS too_late
        FROM added
        WHERE type = 'call.inbound'
        UNION ALL
        SELECT w.organisation_id, w.campaign_id, date_trunc('minute', w.join_queue_at, 'UTC'), 0, 0, 0, 0, 0, 0, 0, 0, 1,
            w.wait_s, w.wait_s, (w.answered AND w.wait_s <= c.service_level_s)::int,
            (w.missed OR w.wait_s > c.service_level_s)::int
        FROM (
            SELECT organisation_id, campaign_id, join_queue_at, answered_at IS NOT NULL AS answered,
                status_id = 10 AS missed,
                seconds_between(join_queue_at, coalesce(answered_at, left_queue_at, hang_up_at)) AS wait_s
            FROM added
            WHERE type = 'call.inbound' AND join_queue_at IS NOT NULL
                AND coalesce(answered_at, left_queue_at, hang_up_at) IS NOT NULL
        ) AS w
        JOIN campaigns c ON c.organisation_id = w.organisation_id AND c.campaign_id = w.campaign_id
    ) AS part
    GROUP BY organisation_id, campaign_id, minute
    HAVING sum(received) <> 0 OR sum(abandoned_in_workflow) <> 0 OR sum(abandoned_in_queue) <> 0 OR
    sum(missed) <> 0 OR sum(overflowed) <> 0 OR sum(voicemails) <> 0 OR sum(handled) <> 0 OR sum(handling_s)
    <> 0 OR sum(waited) <> 0 OR sum(waiting_s) <> 0 OR sum(in_time) <> 0 OR sum(too_late) <> 0
    ORDER BY organisation_id, campaign_id, minute
    ON CONFLICT (organisation_id, campaign_id, minute) DO UPDATE SET
        received = m.received + excluded.received, abandoned_in_workflow = m.abandoned_in_workflow +
        excluded.abandoned_in_workflow, abandoned_in_queue = m.abandoned_in_queue +
        excluded.abandoned_in_queue, missed = m.missed + excluded.missed, overflowed = m.overflowed +
        excluded.overflowed, voicemails = m.voicemails + excluded.voicemails, handled = m.handled +
        excluded.handled, handling_s = m.handling_s + excluded.handling_s, waited = m.waited +
        excluded.waited, waiting_s = m.waiting_s + excluded.waiting_s, longest_wait_s =
        greatest(m.longest_wait_s, excluded.longest_wait_s), in_time = m.in_time + excluded.in_time, too_late
        = m.too_late + excluded.too_late;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION count_activities_updated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaign_minutes AS m (
        organisation_id, campaign_id, minute, received, abandoned_in_workflow, abandoned_in_queue, missed,
        overflowed, voicemails, handled, handling_s, waited, waiting_s, longest_wait_s, in_time, too_late)
    SELECT organisation_id, campaign_id, minute, sum(received), sum(abandoned_in_workflow),
    sum(abandoned_in_queue), sum(missed), sum(overflowed), sum(voicemails), sum(handled), sum(handling_s),
    sum(waited), sum(waiting_s), max(longest_wait_s), sum(in_time), sum(too_late)
    FROM (
        SELECT organisation_id, campaign_id, date_trunc('minute', created_at, 'UTC') AS minute,
            sign * (parent_activity_id IS NULL OR join_queue_at IS NOT NULL AND leg_type IS DISTINCT FROM 'return')::int
                AS received,
            sign * (status_id = 4)::int AS abandoned_in_workflow, sign * (status_id = 5)::int AS abandoned_in_queue,
            sign * (status_id = 10)::int AS missed, sign * (status_id = 11)::int AS overflowed,
            sign * (status_id = 6)::int AS voicemails,
            sign * (answered_at IS NOT NULL AND hang_up_at IS NOT NULL AND agent_id IS NOT NULL
                AND leg_type IS DISTINCT FROM 'consult')::int AS handled,
            sign * (CASE WHEN agent_id IS NULL THEN 0 ELSE coalesce(seconds_between(answered_at, hang_up_at), 0)
                + CASE WHEN answered_at IS NULL THEN 0 ELSE coalesce(seconds_between(hang_up_at, wrap_up_at), 0) END END) AS handling_s,
            0 AS waited, 0 AS waiting_s, 0 AS longest_wait_s, 0 AS in_time, 0 AS too_late
        FROM (
            SELECT 1 AS sign, * FROM added UNION ALL SELECT -1, * FROM removed
        ) AS change
        WHERE type = 'call.inbound'
        UNION ALL
        SELECT w.organisation_id, w.campaign_id, date_trunc('minute', w.join_queue_at, 'UTC'), 0, 0, 0, 0, 0, 0, 0, 0, w.sign,
            w.sign * w.wait_s, greatest(0, w.sign * w.wait_s), w.sign * (w.answered AND w.wait_s <= c.service_level_s)::int,
            w.sign * (w.missed OR w.wait_s > c.service_level_s)::int
        FROM (
            SELECT sign, organisation_id, campaign_id, join_queue_at, answered_at IS NOT NULL AS answered,
                status_id = 10 AS missed,
                seconds_between(join_queue_at, coalesce(answered_at, left_queue_at, hang_up_at)) AS wait_s
            FROM (
                SELECT 1 AS sign, * FROM added UNION ALL SELECT -1, * FROM removed
            ) AS change
            WHERE type = 'call.inbound' AND join_queue_at IS NOT NULL
                AND coalesce(answered_at, left_queue_at, hang_up_at) IS NOT NULL
        ) AS w
        JOIN campaigns c ON c.organisation_id = w.organisation_id AND c.campaign_id = w.campaign_id
    ) AS part
    GROUP BY organisation_id, campaign_id, minute
    HAVING sum(received) <> 0 OR sum(abandoned_in_workflow) <> 0 OR sum(abandoned_in_queue) <> 0 OR
    sum(missed) <> 0 OR sum(overflowed) <> 0 OR sum(voicemails) <> 0 OR sum(handled) <> 0 OR sum(handling_s)
    <> 0 OR sum(waited) <> 0 OR sum(waiting_s) <> 0 OR sum(in_time) <> 0 OR sum(too_late) <> 0
    ORDER BY organisation_id, campaign_id, minute
    ON CONFLICT (organisation_id, campaign_id, minute) DO UPDATE SET
        received = m.received + excluded.received, abandoned_in_workflow = m.abandoned_in_workflow +
        excluded.abandoned_in_workflow, abandoned_in_queue = m.abandoned_in_queue +
        excluded.abandoned_in_queue, missed = m.missed + excluded.missed, overflowed = m.overflowed +
        excluded.overflowed, voicemails = m.voicemails + excluded.voicemails, handled = m.handled +
        excluded.handled, handling_s = m.handling_s + excluded.handling_s, waited = m.waited +
        excluded.waited, waiting_s = m.waiting_s + excluded.waiting_s, longest_wait_s =
        greatest(m.longest_wait_s, excluded.longest_wait_s), in_time = m.in_time + excluded.in_time, too_late
        = m.too_late + excluded.too_late;
    RETURN NULL;
END $$;

-- Figures reach a day back: of that time they are counted anew by the definitions above. Older minutes stay.
UPDATE campaign_minutes SET received = 0, abandoned_in_workflow = 0, abandoned_in_queue = 0, missed = 0, overflowed = 0, voicemails = 0, handled = 0, handling_s = 0, waited = 0, waiting_s = 0, longest_wait_s = 0, in_time = 0, too_late = 0
WHERE minute >= date_trunc('minute', now(), 'UTC') - interval '25 hours';
WITH counted AS MATERIALIZED (
    SELECT * FROM (
        SELECT organisation_id, campaign_id, date_trunc('minute', created_at, 'UTC') AS minute,
            (parent_activity_id IS NULL OR join_queue_at IS NOT NULL AND leg_type IS DISTINCT FROM 'return')::int
                AS received,
            (status_id = 4)::int AS abandoned_in_workflow, (status_id = 5)::int AS abandoned_in_queue,
            (status_id = 10)::int AS missed, (status_id = 11)::int AS overflowed,
            (status_id = 6)::int AS voicemails,
            (answered_at IS NOT NULL AND hang_up_at IS NOT NULL AND agent_id IS NOT NULL
                AND leg_type IS DISTINCT FROM 'consult')::int AS handled,
            (CASE WHEN agent_id IS NULL THEN 0 ELSE coalesce(seconds_between(answered_at, hang_up_at), 0)
                + CASE WHEN answered_at IS NULL THEN 0 ELSE coalesce(seconds_between(hang_up_at, wrap_up_at), 0) END END) AS handling_s,
            0 AS waited, 0 AS waiting_s, 0 AS longest_wait_s, 0 AS in_time, 0 AS too_late
        FROM (SELECT * FROM activities WHERE created_at >= date_trunc('minute', now(), 'UTC') - interval '26 hours') AS recent
        WHERE type = 'call.inbound'
        UNION ALL
        SELECT w.organisation_id, w.campaign_id, date_trunc('minute', w.join_queue_at, 'UTC'), 0, 0, 0, 0, 0, 0, 0, 0, 1,
            w.wait_s, w.wait_s, (w.answered AND w.wait_s <= c.service_level_s)::int,
            (w.missed OR w.wait_s > c.service_level_s)::int
        FROM (
            SELECT organisation_id, campaign_id, join_queue_at, answered_at IS NOT NULL AS answered,
                status_id = 10 AS missed,
                seconds_between(join_queue_at, coalesce(answered_at, left_queue_at, hang_up_at)) AS wait_s
            FROM (SELECT * FROM activities WHERE created_at >= date_trunc('minute', now(), 'UTC') - interval '26 hours') AS recent
            WHERE type = 'call.inbound' AND join_queue_at IS NOT NULL
                AND coalesce(answered_at, left_queue_at, hang_up_at) IS NOT NULL
        ) AS w
        JOIN campaigns c ON c.organisation_id = w.organisation_id AND c.campaign_id = w.campaign_id
    ) AS part
    WHERE minute >= date_trunc('minute', now(), 'UTC') - interval '25 hours'
)
INSERT INTO campaign_minutes AS m (
    organisation_id, campaign_id, minute, received, abandoned_in_workflow, abandoned_in_queue, missed,
    overflowed, voicemails, handled, handling_s, waited, waiting_s, longest_wait_s, in_time, too_late)
SELECT organisation_id, campaign_id, minute, sum(received), sum(abandoned_in_workflow),
sum(abandoned_in_queue), sum(missed), sum(overflowed), sum(voicemails), sum(handled), sum(handling_s),
sum(waited), sum(waiting_s), max(longest_wait_s), sum(in_time), sum(too_late)
FROM counted GROUP BY organisation_id, campaign_id, minute
ON CONFLICT (organisation_id, campaign_id, minute) DO UPDATE SET
    received = excluded.received, abandoned_in_workflow = excluded.abandoned_in_workflow, abandoned_in_queue
    = excluded.abandoned_in_queue, missed = excluded.missed, overflowed = excluded.overflowed, voicemails =
    excluded.voicemails, handled = excluded.handled, handling_s = excluded.handling_s, waited =
    excluded.waited, waiting_s = excluded.waiting_s, longest_wait_s = excluded.longest_wait_s, in_time =
    excluded.in_time, too_late = excluded.too_late;
