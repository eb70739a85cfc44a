-- One in 256 leads that are not completed, by a hash of their ids: what says how millions of leads stand looks at these
-- (store/leads/samples.py).
CREATE INDEX leads_sample_idx ON leads (organisation_id, list_id, lead_id)
    WHERE completed_at IS NULL AND (hashint8(lead_id) & 255) = 0;
