-- The second wall: row-level security by organisation, for a role that is not the owner of the tables. The policies
-- themselves are put up after every migration (store/db/row_security.py), so that no table can be forgotten.

-- Whom the session stands for; null: nobody, and nothing is seen. Inlined into each statement.
CREATE FUNCTION current_organisation() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('callfloor.organisation', true), '')::bigint;

-- Before somebody is signed in there is no organisation to stand for: the two questions of a sign-in, and no others.
CREATE FUNCTION sign_in_candidates(wanted text, of_organisation text)
RETURNS TABLE (organisation_id bigint, user_id bigint, account_active boolean, password_hash text)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT o.organisation_id, u.user_id, u.account_active, p.password_hash
    FROM users u JOIN organisations o USING (organisation_id)
    LEFT JOIN passwords p ON p.organisation_id = u.organisation_id AND p.user_id = u.user_id
    WHERE u.username = wanted AND (of_organisation IS NULL OR o.name = of_organisation) LIMIT 2
$$;
CREATE FUNCTION several_organisations() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT EXISTS (SELECT FROM organisations OFFSET 1)
$$;

-- A month's partition belongs to the owner of its table, whoever needs it first.
ALTER FUNCTION ensure_partitions(timestamptz, timestamptz) SECURITY DEFINER;

-- What runs with the owner's rights finds the owner's tables, whatever the caller has made meanwhile.
DO $$
DECLARE
    function text;
BEGIN
    FOREACH function IN ARRAY ARRAY[
        'sign_in_candidates(text, text)', 'several_organisations()', 'ensure_partitions(timestamptz, timestamptz)'
    ] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
    END LOOP;
END $$;
