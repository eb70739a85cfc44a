-- How often a draft was kept, by which page of a desk, and which of that page's: a desk that does not know the newest
-- overwrites nothing, and of one page's requests that overtake each other the last one stays.
ALTER TABLE call_drafts
    ADD COLUMN revision bigint NOT NULL DEFAULT 1,
    ADD COLUMN page uuid,
    ADD COLUMN step bigint NOT NULL DEFAULT 0;
