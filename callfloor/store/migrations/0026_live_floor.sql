-- What an engine says of itself and of the telephone servers and trunks that it uses, for those who watch the floor: every
-- organisation whose campaigns it leads has a row of its own. One that is not renewed is of an engine that is gone.

CREATE TABLE floor_nodes (
    organisation_id bigint NOT NULL REFERENCES organisations,
    engine uuid NOT NULL,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('engine', 'telephony', 'trunk')),
    name text COLLATE "C" NOT NULL,
    up boolean NOT NULL,
    since timestamptz NOT NULL,
    calls integer NOT NULL,
    said_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, engine, kind, name)
) WITH (fillfactor = 50);
