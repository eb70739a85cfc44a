-- Single sign-on: the provider that an organisation trusts, and who is who there.

-- What the centre file says of it; null: nobody vouches for anybody.
ALTER TABLE organisations ADD COLUMN single_sign_on jsonb;
-- Where whoever leaves is sent to leave the provider too; null: nowhere.
ALTER TABLE sign_in_sessions ADD COLUMN sign_out_uri text;

-- People as a provider knows them: its subject never changes, whatever the name.
CREATE TABLE identities (
    organisation_id bigint NOT NULL,
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    user_id bigint NOT NULL,
    linked_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, issuer, subject),
    CONSTRAINT identities_user_key UNIQUE (organisation_id, user_id, issuer),
    FOREIGN KEY (organisation_id, user_id) REFERENCES users ON DELETE CASCADE
);

-- Before somebody is signed in there is no organisation to stand for. Of the only one, or of the one that is named.
CREATE FUNCTION sign_in_provider(of_organisation text) RETURNS TABLE (organisation_id bigint, single_sign_on text)
LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT o.organisation_id, o.single_sign_on::text FROM organisations o
    WHERE o.name = of_organisation OR (of_organisation IS NULL AND NOT EXISTS (SELECT FROM organisations OFFSET 1))
$$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION sign_in_provider(text) SET search_path = %I, pg_temp', current_schema());
END $$;
