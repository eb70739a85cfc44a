-- Where texts mention numbers and addresses, by one rule in Python (rules/identifiers.py) and here: a key is seven digits
-- in a row with anything between them but letters, or what stands around an @. Encodings are undone, digits of every
-- script read, invisible characters left out. Keys are more than is needed: what is found is looked at again.

-- ASCII digits for those of the scripts that Unicode knows.
CREATE FUNCTION ascii_digits(written text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    read text := written;
    zero integer;
BEGIN
    FOREACH zero IN ARRAY ARRAY[1632, 1776, 1984, 2406, 2534, 2662, 2790, 2918, 3046, 3174, 3302, 3430, 3558, 3664, 3792, 3872, 4160, 4240, 6112, 6160, 6470, 6608, 6784, 6800, 6992, 7088, 7232, 7248, 42528, 43216, 43264, 43472, 43504, 43600, 44016, 66720, 68912, 69734, 69872, 69942, 70096, 70384, 70736, 70864, 71248, 71360, 71472, 71904, 72016, 72784, 73040, 73120, 92768, 92864, 93008, 123200, 123632, 125264] LOOP
        IF read ~ format('[%s-%s]', chr(zero), chr(zero + 9)) THEN
            read := translate(read, (SELECT string_agg(chr(zero + n), '' ORDER BY n) FROM generate_series(0, 9) AS n),
                '0123456789');
        END IF;
    END LOOP;
    RETURN read;
END $$;

-- The text without encodings: JSON's, percent, HTML's and tags. NULL: there is one that is not undone here.
CREATE FUNCTION decoded_text(written text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    encoded CONSTANT text := '%[0-9A-Fa-f]{2}|&(#[0-9]|#[xX][0-9A-Fa-f]|[A-Za-z][A-Za-z0-9]*;)|\\[unrtbf/"\\]|</?[A-Za-z][A-Za-z0-9]*\s*/?>';
    read text := written;
    before text;
    found text;
    number bigint;
BEGIN
    FOR round IN 1 .. 6 LOOP
        EXIT WHEN read !~ encoded;
        before := read;
        IF read ~ '\\u[dD][89A-Fa-f]|%[89A-Fa-f][0-9A-Fa-f]' THEN
            RETURN NULL;
        END IF;
        IF strpos(read, '\') > 0 THEN
            read := replace(read, '\\', '\');
            read := regexp_replace(regexp_replace(read, '\\[nrtbf]', ' ', 'g'), '\\(["/])', '\1', 'g');
            FOR found IN SELECT DISTINCT m[1] FROM regexp_matches(read, '\\u([0-9A-Fa-f]{4})', 'g') AS m LOOP
                number := ('x' || found)::bit(16)::integer;
                read := replace(read, '\u' || found, CASE WHEN number > 0 THEN chr(number::integer) ELSE ' ' END);
            END LOOP;
        END IF;
        IF strpos(read, '%') > 0 THEN
            FOR found IN SELECT DISTINCT m[1] FROM regexp_matches(read, '%([0-7][0-9A-Fa-f])', 'g') AS m LOOP
                number := ('x' || found)::bit(8)::integer;
                read := replace(read, '%' || found, CASE WHEN number >= 32 THEN chr(number::integer) ELSE ' ' END);
            END LOOP;
        END IF;
        IF strpos(read, '&') > 0 THEN
            FOR found IN SELECT DISTINCT m[1] FROM regexp_matches(read, '(&#(?:[0-9]{1,7}|[xX][0-9A-Fa-f]{1,6});?)', 'g') AS m LOOP
                number := CASE WHEN found ~ '^&#[xX]' THEN ('x' || lpad(rtrim(substr(found, 4), ';'), 8, '0'))::bit(32)::bigint
                    ELSE rtrim(substr(found, 3), ';')::bigint END;
                read := replace(read, found, CASE WHEN number < 32 OR number > 1114111 OR number BETWEEN 55296 AND 57343
                    THEN ' ' ELSE chr(number::integer) END);
            END LOOP;
            read := replace(replace(replace(read, '&commat;', '@'), '&period;', '.'), '&plus;', '+');
            read := replace(replace(replace(read, '&lowbar;', '_'), '&UnderBar;', '_'), '&percnt;', '%');
            read := replace(replace(replace(read, '&num;', '#'), '&semi;', ';'), '&bsol;', '\');
            read := replace(replace(replace(read, '&lt;', '<'), '&gt;', '>'), '&quot;', '"');
            read := regexp_replace(read, '&(LT|GT|QUOT|apos|colon|sol|equals|quest|lpar|rpar|comma|excl|verbar|vert|VerticalLine);',
                '/', 'g');
            read := regexp_replace(read, '&(nbsp|NonBreakingSpace|Tab|NewLine|[a-z0-9]*sp|[A-Za-z]*Space);', ' ', 'g');
            read := regexp_replace(read, '&(shy|zwj|zwnj|ZeroWidthSpace|Negative[A-Za-z]*Space|NoBreak|[lr]rm|InvisibleTimes|InvisibleComma|it|ic|af|ApplyFunction);',
                '', 'g');
            read := regexp_replace(read, '&(amp|AMP);', '&', 'g');
            -- a letter of which only that it is not ASCII matters
            read := regexp_replace(read, '&[A-Za-z][A-Za-z0-9]{1,31};', 'é', 'g');
        END IF;
        IF strpos(read, '<') > 0 THEN
            read := regexp_replace(read, '</?(b|i|u|s|em|strong|span|wbr|font|small|mark)\s{0,3}/?>', '', 'gi');
            read := regexp_replace(read, '</?[A-Za-z][A-Za-z0-9]{0,10}\s{0,3}/?>', ' ', 'g');
        END IF;
        EXIT WHEN read = before;
        IF round = 6 AND read ~ encoded THEN
            RETURN NULL;
        END IF;
    END LOOP;
    RETURN CASE WHEN read ~ '=\?[A-Za-z0-9*_-]+\?[BbQq]\?' THEN NULL ELSE read END;
END $$;

-- A restore builds indexes under a search path of its own.
CREATE FUNCTION search_keys(written text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT AS $$
DECLARE
    read text;
    keys text[];
BEGIN
    IF octet_length(written) = char_length(written)
        AND written !~ '@|%[0-9A-Fa-f]{2}|&[#A-Za-z]|\\[unrtbf/"\\]|=\?|</?[A-Za-z]|[0-9](?:[^A-Za-z]*[0-9]){6}' THEN
        RETURN '{}';
    END IF;
    read := decoded_text(written);
    IF read IS NULL THEN
        RETURN '{*}';
    END IF;
    IF octet_length(read) <> char_length(read) THEN
        read := normalize(read, NFKC);
        read := regexp_replace(read, '[\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890-\u0891\u08E2\u115F-\u1160\u17B4-\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u206F\uFE00-\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB\U000110BD\U000110CD\U00013430-\U00013438\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0001\U000E0020-\U000E007F\U000E0100-\U000E01EF]+', '', 'g');
        IF read ~ '[\u0660-\u0669\u06F0-\u06F9\u07C0-\u07C9\u0966-\u096F\u09E6-\u09EF\u0A66-\u0A6F\u0AE6-\u0AEF\u0B66-\u0B6F\u0BE6-\u0BEF\u0C66-\u0C6F\u0CE6-\u0CEF\u0D66-\u0D6F\u0DE6-\u0DEF\u0E50-\u0E59\u0ED0-\u0ED9\u0F20-\u0F29\u1040-\u1049\u1090-\u1099\u17E0-\u17E9\u1810-\u1819\u1946-\u194F\u19D0-\u19D9\u1A80-\u1A89\u1A90-\u1A99\u1B50-\u1B59\u1BB0-\u1BB9\u1C40-\u1C49\u1C50-\u1C59\uA620-\uA629\uA8D0-\uA8D9\uA900-\uA909\uA9D0-\uA9D9\uA9F0-\uA9F9\uAA50-\uAA59\uABF0-\uABF9\U000104A0-\U000104A9\U00010D30-\U00010D39\U00011066-\U0001106F\U000110F0-\U000110F9\U00011136-\U0001113F\U000111D0-\U000111D9\U000112F0-\U000112F9\U00011450-\U00011459\U000114D0-\U000114D9\U00011650-\U00011659\U000116C0-\U000116C9\U00011730-\U00011739\U000118E0-\U000118E9\U00011950-\U00011959\U00011C50-\U00011C59\U00011D50-\U00011D59\U00011DA0-\U00011DA9\U00016A60-\U00016A69\U00016AC0-\U00016AC9\U00016B50-\U00016B59\U0001E140-\U0001E149\U0001E2F0-\U0001E2F9\U0001E950-\U0001E959]' THEN
            read := ascii_digits(read);
        END IF;
        read := replace(replace(replace(read, '。', '.'), 'ß', 'ss'), 'ẞ', 'ss');
    END IF;
    read := lower(read COLLATE "C");
    -- in pieces that overlap, because each key costs as much as what it is taken out of is long
    WITH parts AS MATERIALIZED (
        SELECT substr(part, 128 * n + 1, 134) AS digits
        FROM regexp_split_to_table(regexp_replace(read, '[^0-9a-z]+', '', 'g'), '[a-z]+') AS part,
            generate_series(0, length(part) / 128) AS n
        WHERE length(part) > 6
    )
    SELECT array_agg(DISTINCT substr(digits, n, 7)) INTO keys FROM parts, generate_series(1, length(digits) - 6) AS n;
    keys := coalesce(keys, '{}');
    IF strpos(read, '@') > 0 THEN
        read := regexp_replace(read, '[\s\x1c-\x1f\u0085\u1680\u2028\u2029]*@[\s\x1c-\x1f\u0085\u1680\u2028\u2029]*', '@', 'g');
        SELECT keys || coalesce(array_agg(DISTINCT mailbox.key), '{}') INTO keys
        FROM (
            SELECT ltrim(substring(right(part, 64) FROM '[a-z0-9._+-]*$'), '._+-') AS name,
                substring(lead(part) OVER (ORDER BY n) FROM '^[a-z0-9-]{0,63}') AS label, lead(part) OVER (ORDER BY n) AS after
            FROM unnest(string_to_array(read, '@')) WITH ORDINALITY AS parts (part, n)
        ) AS each, LATERAL (
            SELECT each.name || '@' || each.label AS key WHERE each.label !~ '^xn--'
            UNION ALL
            SELECT each.name || '@xn--' WHERE each.label ~ '^xn--' OR ascii(substr(each.after, length(each.label) + 1, 1)) > 127
        ) AS mailbox
        WHERE each.after IS NOT NULL;
    END IF;
    RETURN CASE WHEN cardinality(keys) > 4096 THEN '{*}' ELSE keys END;
END $$;

-- A stored answer may show a lead as it was before a later change. Empty answers are left out.
-- convert_from() is only stable, because conversions can be replaced; UTF-8 in a database in UTF-8 needs none.
CREATE FUNCTION shown_lead(answer jsonb) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN answer ? 'dataFields'
    THEN coalesce(answer ->> 'customerKey', '') || chr(10) || (answer ->> 'phones') || chr(10) || (answer ->> 'dataFields')
    ELSE answer::text END;
CREATE FUNCTION answer_keys(body bytea) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN search_keys(shown_lead(convert_from(body, 'UTF8')::jsonb));

DROP INDEX activities_email_idx, media_texts_idx, do_not_call_reason_idx, idempotency_keys_identifiers_idx;
DROP INDEX import_errors_identifiers_idx, do_not_call_lifted_texts_idx;
DROP FUNCTION answer_identifiers, lead_identifiers, email_identifiers, identifiers_in;
ALTER TABLE import_errors DROP COLUMN identifiers;
CREATE INDEX media_keys_idx ON media
    USING gin (search_keys(coalesce(file_name, '') || chr(10) || coalesce(deletion_reason, '')))
    WHERE file_name IS NOT NULL OR deletion_reason IS NOT NULL;
CREATE INDEX do_not_call_keys_idx ON do_not_call USING gin (search_keys(reason)) WHERE reason IS NOT NULL;
CREATE INDEX do_not_call_lifted_keys_idx ON do_not_call_lifted
    USING gin (search_keys(coalesce(reason, '') || chr(10) || lift_reason));
CREATE INDEX idempotency_keys_keys_idx ON idempotency_keys USING gin (answer_keys(body)) WHERE octet_length(body) > 2;
CREATE INDEX import_errors_keys_idx ON import_errors USING gin (search_keys(source || chr(10) || errors::text));
CREATE INDEX lead_skips_keys_idx ON lead_skips USING gin (search_keys(reason));

-- Rows of leads and e-mails were listed under the keys of an older rule. A job lists them anew, downwards from `upto`
-- (jobs/identifiers.py); until it is done, an erasure reads the rows that are left. No row: all are listed.
CREATE TABLE identifier_renewals (
    organisation_id bigint NOT NULL REFERENCES organisations,
    source text NOT NULL CHECK (source IN ('leads', 'emails')),
    -- the highest lead_id or activity_id that is not listed anew yet
    upto bigint NOT NULL,
    PRIMARY KEY (organisation_id, source)
);
INSERT INTO identifier_renewals (organisation_id, source, upto)
SELECT organisation_id, 'leads', newest.lead_id FROM organisations o CROSS JOIN LATERAL (
    SELECT lead_id FROM leads l WHERE l.organisation_id = o.organisation_id ORDER BY lead_id DESC LIMIT 1) AS newest;
INSERT INTO identifier_renewals (organisation_id, source, upto)
SELECT organisation_id, 'emails', newest.activity_id FROM organisations o CROSS JOIN LATERAL (
    SELECT activity_id FROM emails e WHERE e.organisation_id = o.organisation_id ORDER BY activity_id DESC LIMIT 1)
    AS newest;
