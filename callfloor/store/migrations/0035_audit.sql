-- Who did what (docs/audit.md). An entry is inserted in the transaction of what it records and never changed: a job gives
-- it its place in the organisation's chain afterwards, once, and nothing but its own retention takes it away.
CREATE TABLE audit_entries (
    organisation_id bigint NOT NULL,
    entry_id bigint GENERATED ALWAYS AS IDENTITY,
    happened_at timestamptz NOT NULL,
    actor_type text COLLATE "C" NOT NULL,
    -- a user, or a program's token
    actor_id bigint,
    -- of the operating system's user who typed a command
    actor_name text,
    -- the token or session that a user came by
    token_id bigint,
    address text,
    request_id uuid,
    action text COLLATE "C" NOT NULL,
    object_type text COLLATE "C" NOT NULL,
    object_ids bigint[] NOT NULL,
    -- of what has no id
    object_name text,
    -- the operator's values, ids and counts; nothing of a customer
    details jsonb NOT NULL,
    -- in the order of sealing; NULL until then
    position bigint CHECK (position > 0),
    previous_hash bytea,
    hash bytea,
    CHECK (num_nulls(position, previous_hash, hash) IN (0, 3)),
    PRIMARY KEY (organisation_id, entry_id)
);
CREATE INDEX audit_entries_unsealed_idx ON audit_entries (organisation_id, entry_id) WHERE position IS NULL;
CREATE INDEX audit_entries_position_idx ON audit_entries (organisation_id, position) WHERE position IS NOT NULL;
CREATE INDEX audit_entries_time_idx ON audit_entries (organisation_id, happened_at, entry_id);
CREATE INDEX audit_entries_action_idx ON audit_entries (organisation_id, action, happened_at, entry_id);
CREATE INDEX audit_entries_actor_idx ON audit_entries (organisation_id, actor_id, happened_at, entry_id);
CREATE INDEX audit_entries_objects_idx ON audit_entries USING gin (object_ids);

-- A signed stretch of the chain, as in evidence_days.
CREATE TABLE audit_days (
    organisation_id bigint NOT NULL,
    -- in UTC
    day date NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    previous bytea NOT NULL,
    head bytea NOT NULL,
    count bigint NOT NULL CHECK (count > 0),
    signature bytea NOT NULL,
    signed_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, day)
);
-- Where the chain ends, signed whenever something was sealed, so that nothing can be cut off its end.
CREATE TABLE audit_heads (
    organisation_id bigint PRIMARY KEY,
    position bigint NOT NULL,
    hash bytea NOT NULL,
    signed_at timestamptz NOT NULL,
    signature bytea NOT NULL
);

CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'audit_entries' THEN
        IF OLD.position IS NULL AND NEW.position IS NOT NULL
            AND ROW(NEW.organisation_id, NEW.entry_id, NEW.happened_at, NEW.actor_type, NEW.actor_id, NEW.actor_name,
                NEW.token_id, NEW.address, NEW.request_id, NEW.action, NEW.object_type, NEW.object_ids,
                NEW.object_name, NEW.details)
            IS NOT DISTINCT FROM ROW(OLD.organisation_id, OLD.entry_id, OLD.happened_at, OLD.actor_type, OLD.actor_id,
                OLD.actor_name, OLD.token_id, OLD.address, OLD.request_id, OLD.action, OLD.object_type, OLD.object_ids,
                OLD.object_name, OLD.details) THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit_entries' THEN
        -- set by retention, in its own transaction, for the organisation whose entries it takes away
        IF OLD.position IS NOT NULL
            AND current_setting('callfloor.audit_retention', true) = OLD.organisation_id::text THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE FUNCTION audit_stays();
CREATE TRIGGER audit_entries_are_kept BEFORE TRUNCATE ON audit_entries EXECUTE FUNCTION audit_stays();
CREATE TRIGGER audit_days_stay BEFORE UPDATE OR DELETE ON audit_days FOR EACH ROW EXECUTE FUNCTION audit_stays();
CREATE TRIGGER audit_days_are_kept BEFORE TRUNCATE ON audit_days EXECUTE FUNCTION audit_stays();
