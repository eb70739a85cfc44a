-- What an erasure needs to find a customer everywhere by index.

-- When an erasure emptied the activity: a recording that arrives later is not kept.
ALTER TABLE activities ADD COLUMN erased_at timestamptz;
-- Legs of one conversation; a first leg is found by its own id.
CREATE INDEX activities_root_idx ON activities (organisation_id, root_activity_id)
    WHERE root_activity_id <> activity_id;

-- E-mail addresses (lower case) and every way to read a number of 7 to 19 digits out of free text, whatever stands
-- between its groups of digits. More than it needs to be: what is found is looked at again.
CREATE FUNCTION identifiers_in(written text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    found text[];
    run text;
    parts text[];
    joined text;
BEGIN
    SELECT coalesce(array_agg(DISTINCT rtrim(lower(m[1]), '.')), '{}') INTO found
    FROM regexp_matches(written, '([^][\s@<>"'',;:()\\=&?/|]+@[^][\s@<>"'',;:()\\=&?/|]+)', 'g') AS m;
    FOR run IN SELECT m[1] FROM regexp_matches(written, '([0-9](?:[^0-9A-Za-z]{0,4}[0-9])+)', 'g') AS m LOOP
        parts := regexp_split_to_array(run, '[^0-9]+');
        FOR head IN 1 .. cardinality(parts) LOOP
            joined := '';
            FOR tail IN head .. cardinality(parts) LOOP
                joined := joined || parts[tail];
                EXIT WHEN length(joined) > 19;
                IF length(joined) >= 7 THEN
                    found := found || joined;
                END IF;
            END LOOP;
        END LOOP;
    END LOOP;
    RETURN found;
END $$;

-- Headers of a message, each on a line of its own.
CREATE FUNCTION email_identifiers(email jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN identifiers_in(coalesce(email ->> 'from', '') || chr(10) || coalesce(email ->> 'to', '') || chr(10)
    || coalesce(email ->> 'subject', '') || chr(10) || coalesce(email ->> 'messageId', '') || chr(10)
    || coalesce(email ->> 'inReplyTo', ''));
CREATE INDEX activities_email_idx ON activities USING gin (email_identifiers(email)) WHERE email IS NOT NULL;
CREATE INDEX media_texts_idx ON media
    USING gin (identifiers_in(coalesce(file_name, '') || chr(10) || coalesce(deletion_reason, '')))
    WHERE file_name IS NOT NULL OR deletion_reason IS NOT NULL;
CREATE INDEX do_not_call_reason_idx ON do_not_call USING gin (identifiers_in(reason)) WHERE reason IS NOT NULL;

-- A stored answer may show a lead as it was before a later change. Answers too short to show one are left out.
CREATE FUNCTION lead_identifiers(answer jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN identifiers_in(CASE WHEN answer ? 'dataFields'
    THEN coalesce(answer ->> 'customerKey', '') || chr(10) || (answer ->> 'phones') || chr(10)
        || (answer ->> 'dataFields')
    ELSE answer::text END);
-- convert_from() is only stable, because conversions can be replaced; UTF-8 in a database in UTF-8 needs none.
CREATE FUNCTION answer_identifiers(body bytea) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lead_identifiers(convert_from(body, 'UTF8')::jsonb);
CREATE INDEX idempotency_keys_identifiers_idx ON idempotency_keys
    USING gin (answer_identifiers(body)) WHERE octet_length(body) > 200;
