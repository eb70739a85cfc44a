-- How campaigns dial (contract/dialling.py): the settings of each, and the strategies of an organisation.

ALTER TABLE campaigns ADD COLUMN dialling jsonb NOT NULL DEFAULT '{}';

CREATE TABLE strategies (
    organisation_id bigint NOT NULL REFERENCES organisations,
    name text COLLATE "C" NOT NULL,
    -- by lead status: what follows an attempt that leaves it
    outcomes jsonb NOT NULL,
    PRIMARY KEY (organisation_id, name)
);

-- A list's own strategy; null: its campaign's.
ALTER TABLE lists ADD COLUMN strategy text COLLATE "C";
