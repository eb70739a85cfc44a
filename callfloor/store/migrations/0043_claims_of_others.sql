-- A number leads to one organisation, and so does an address of mail. Who claims one is told whether another has it, and
-- nothing else of that one: behind the wall (0041) these are the two questions that look beyond it.
CREATE FUNCTION numbers_of_others(of_organisation bigint, wanted text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT DISTINCT n.number FROM workflows w CROSS JOIN LATERAL unnest(w.numbers) AS n (number)
    WHERE w.organisation_id IS DISTINCT FROM of_organisation AND n.number = ANY(wanted)
$$;
CREATE FUNCTION addresses_of_others(of_organisation bigint, wanted text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT DISTINCT m.address FROM mailboxes m
    WHERE m.organisation_id IS DISTINCT FROM of_organisation AND m.address = ANY(wanted)
$$;

-- What runs with the owner's rights finds the owner's tables, whatever the caller has made meanwhile.
DO $$
DECLARE
    function text;
BEGIN
    FOREACH function IN ARRAY ARRAY['numbers_of_others(bigint, text[])', 'addresses_of_others(bigint, text[])'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
    END LOOP;
END $$;
