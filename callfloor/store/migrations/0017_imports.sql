-- Imports that say which column became what, that look for duplicates by phone, and that outlive a chunk which the
-- database refuses (docs/imports.md).

ALTER TABLE imports
    DROP CONSTRAINT imports_format_check,
    DROP CONSTRAINT imports_on_duplicate_check,
    ADD CONSTRAINT imports_format_check CHECK (format IN ('json', 'csv', 'ndjson', 'xlsx')),
    ADD CONSTRAINT imports_on_duplicate_check CHECK (on_duplicate IN ('insert', 'skip', 'update', 'updateOnly')),
    ADD COLUMN on_duplicate_phone text NOT NULL DEFAULT 'insert'
        CHECK (on_duplicate_phone IN ('insert', 'skip', 'update')),
    -- where a phone is looked for
    ADD COLUMN duplicate_phone_in text NOT NULL DEFAULT 'list'
        CHECK (duplicate_phone_in IN ('list', 'campaign', 'organisation')),
    ADD COLUMN empty_clears boolean NOT NULL DEFAULT false,
    ADD COLUMN lift_do_not_call boolean NOT NULL DEFAULT false,
    -- of the rows that are leads now, those that have no phone
    ADD COLUMN without_phone integer NOT NULL DEFAULT 0,
    -- of the rows that were skipped, those in which nothing stood
    ADD COLUMN empty_rows integer NOT NULL DEFAULT 0,
    -- phones that were written as `n/a` or the like
    ADD COLUMN absent_phones integer NOT NULL DEFAULT 0;

-- The header is now a list of [name, what it becomes], null for a column that is left out.
UPDATE imports i SET header = (
    SELECT jsonb_agg(jsonb_build_array(name, CASE
        WHEN name IN ('rowNumber', 'reason') THEN NULL
        WHEN name IN ('listId', 'customerKey', 'timezone', 'phone1', 'phone2', 'phone3', 'nextAttemptTimestamp',
            'statusCode', 'agentId') THEN name
        ELSE 'leadData.' || name END) ORDER BY n)
    FROM jsonb_array_elements_text(i.header) WITH ORDINALITY AS h (name, n))
WHERE header IS NOT NULL AND jsonb_array_length(header) > 0;

ALTER TABLE import_chunks
    -- where each row stands in the file; null where rows are no lines
    ADD COLUMN line_numbers integer[],
    -- how often the database refused the chunk, and when it is tried again
    ADD COLUMN tries smallint NOT NULL DEFAULT 0,
    ADD COLUMN not_before timestamptz;
ALTER TABLE import_errors ADD COLUMN line_no integer;
