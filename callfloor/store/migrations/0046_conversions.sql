-- Which wrap codes of a campaign are a conversion, and since when: a call counts by those at its beginning, however they are
-- set later.
CREATE TABLE conversion_codes (
    organisation_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    code integer NOT NULL,
    since timestamptz NOT NULL,
    -- null: it is one
    until timestamptz,
    PRIMARY KEY (organisation_id, campaign_id, code, since),
    FOREIGN KEY (organisation_id, campaign_id) REFERENCES campaigns ON DELETE CASCADE
);
CREATE FUNCTION keep_conversion_codes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := CASE WHEN TG_OP = 'INSERT' THEN '-infinity' ELSE clock_timestamp() END;
    codes integer[] := ARRAY(
        SELECT c::integer FROM jsonb_array_elements_text(coalesce(NEW.dialling -> 'conversionWrapCodes', '[]')) AS c);
BEGIN
    UPDATE conversion_codes SET until = at
    WHERE organisation_id = NEW.organisation_id AND campaign_id = NEW.campaign_id AND until IS NULL
        AND code <> ALL (codes);
    INSERT INTO conversion_codes (organisation_id, campaign_id, code, since)
    SELECT NEW.organisation_id, NEW.campaign_id, c, at FROM unnest(codes) AS c
    WHERE NOT EXISTS (SELECT FROM conversion_codes k WHERE k.organisation_id = NEW.organisation_id
        AND k.campaign_id = NEW.campaign_id AND k.code = c AND k.until IS NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER campaigns_conversion_codes AFTER INSERT OR UPDATE OF dialling ON campaigns
    FOR EACH ROW EXECUTE FUNCTION keep_conversion_codes();

ALTER TABLE report_sums ADD COLUMN conversions bigint;
