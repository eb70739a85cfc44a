-- Where an organisation may call, and how much (contract/destinations.py); '{}' is the default: its own country, and no
-- numbers of kinds that cost more.
ALTER TABLE organisations ADD COLUMN destinations jsonb NOT NULL DEFAULT '{}';
-- Of the leads that were inserted or updated: they have phones, and none that the organisation calls.
ALTER TABLE imports ADD COLUMN not_called integer NOT NULL DEFAULT 0;
