-- A sample of leads of any size (store/leads/samples.py): one in 32 of those that are not completed, by a hash of their ids
-- and in its order. -2013265920 is the least hash, -2^31, and a thirty-second of all 2^32 above it.
CREATE INDEX leads_hash_idx ON leads (organisation_id, list_id, hashint8(lead_id))
    WHERE completed_at IS NULL AND hashint8(lead_id) < -2013265920;
DROP INDEX leads_sample_idx;
