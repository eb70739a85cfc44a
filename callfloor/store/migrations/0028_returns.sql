-- Work that does not die with its holder. An e-mail is answered when an answer is written, not when it is taken: who has it
-- since when is agent_id and left_queue_at. Status 12: an agent has it. An e-mail that was closed without an answer is Not
-- Answered.
ALTER TABLE emails
    -- an answer that is not finished; whoever has the e-mail next goes on from it
    ADD COLUMN draft text, ADD COLUMN draft_at timestamptz, ADD COLUMN draft_by bigint,
    -- whose it was before it went back to the queue, or to another agent, since when and why (rules/dialling/callbacks.Moved)
    ADD COLUMN was_of bigint, ADD COLUMN moved_at timestamptz, ADD COLUMN moved_why smallint;
-- A callback's task is its lead: who has it and whether it is done is what the lead says.
ALTER TABLE tasks
    ADD COLUMN lead_id bigint,
    ADD COLUMN was_of bigint, ADD COLUMN moved_at timestamptz, ADD COLUMN moved_why smallint;
CREATE INDEX tasks_lead_idx ON tasks (organisation_id, lead_id) WHERE lead_id IS NOT NULL AND done_at IS NULL;

UPDATE tasks t SET lead_id = l.lead_id
FROM activities a
JOIN leads l ON l.organisation_id = a.organisation_id AND l.phone1 = a.contact
WHERE t.kind = 'callback' AND t.done_at IS NULL AND a.organisation_id = t.organisation_id
    AND a.activity_id = t.activity_id AND l.data ->> 'callbackFor' = t.activity_id::text;

UPDATE activities SET left_queue_at = answered_at
WHERE type = 'email.inbound' AND agent_id IS NOT NULL AND answered_at IS NOT NULL;
UPDATE activities a SET
    answered_at = (SELECT min(o.created_at) FROM activities o
        WHERE o.organisation_id = a.organisation_id AND o.parent_activity_id = a.activity_id
            AND o.type = 'email.outbound')
WHERE a.type = 'email.inbound' AND a.answered_at IS NOT NULL;
UPDATE activities SET status_id = CASE WHEN wrap_up_at IS NULL AND hang_up_at IS NULL THEN 12 ELSE 8 END
WHERE type = 'email.inbound' AND status_id = 3 AND answered_at IS NULL;
