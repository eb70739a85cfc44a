-- What an organisation that has limits (agent_id 0), or one of its agents, has called on its day. Whoever places a call
-- holds the row until the attempt is committed, so that all engines together stay within the limits. Of organisations
-- without limits there are no rows.
--
-- `counted_…` and `minutes`: what the records said at `counted_at`; `up`: the calls that had no end then.

CREATE TABLE calls_spent (
    organisation_id bigint NOT NULL REFERENCES organisations,
    agent_id bigint NOT NULL,
    day date NOT NULL,
    calls integer NOT NULL DEFAULT 0,
    counted_calls integer NOT NULL DEFAULT 0,
    minutes float8 NOT NULL DEFAULT 0,
    up integer NOT NULL DEFAULT 0,
    counted_at timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (organisation_id, agent_id)
) WITH (fillfactor = 50);
