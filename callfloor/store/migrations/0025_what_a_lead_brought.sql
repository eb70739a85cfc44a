-- What a lead brought onto the do-not-call lists is found by the lead, whatever its phones are now. Entries with a lead are
-- few beside those of registers, so the index is built in a moment.
CREATE INDEX do_not_call_lead_idx ON do_not_call (organisation_id, lead_id) WHERE lead_id IS NOT NULL;

-- Phones of an import that were taken and are worth a word, as one lead's answer says it of its own.
ALTER TABLE imports
    ADD COLUMN unknown_ranges integer NOT NULL DEFAULT 0,
    ADD COLUMN duplicate_phones integer NOT NULL DEFAULT 0;
