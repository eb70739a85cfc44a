-- Pages of leads, activities and attempts by further filters (decision 5, store/lead_pages.py). Whether a lead is
-- completed stands in the indexes before the order of the page: without that filter both halves are merged.
DROP INDEX leads_uploaded_idx, leads_list_idx, leads_status_idx, leads_list_status_idx;
CREATE INDEX leads_uploaded_idx ON leads (organisation_id, (completed_at IS NOT NULL), uploaded_at, lead_id);
CREATE INDEX leads_list_idx ON leads (organisation_id, list_id, (completed_at IS NOT NULL), uploaded_at, lead_id);
CREATE INDEX leads_status_idx ON leads (organisation_id, status_code, (completed_at IS NOT NULL), uploaded_at, lead_id);
CREATE INDEX leads_list_status_idx
    ON leads (organisation_id, list_id, status_code, (completed_at IS NOT NULL), uploaded_at, lead_id);
-- By update: each list's, merged for a campaign and for all.
CREATE INDEX leads_updated_idx ON leads (organisation_id, list_id, updated_at, lead_id);
CREATE INDEX leads_agent_idx ON leads (organisation_id, agent_id, uploaded_at, lead_id) WHERE agent_id IS NOT NULL;
DROP INDEX leads_phone1_idx, leads_phone2_idx, leads_phone3_idx;
CREATE INDEX leads_phone1_idx ON leads (organisation_id, phone1, uploaded_at, lead_id) WHERE phone1 IS NOT NULL;
CREATE INDEX leads_phone2_idx ON leads (organisation_id, phone2, uploaded_at, lead_id) WHERE phone2 IS NOT NULL;
CREATE INDEX leads_phone3_idx ON leads (organisation_id, phone3, uploaded_at, lead_id) WHERE phone3 IS NOT NULL;

DROP INDEX activities_contact_idx;
CREATE INDEX activities_contact_idx ON activities (organisation_id, contact, created_at, activity_id)
    WHERE contact IS NOT NULL;
CREATE INDEX activities_agent_idx ON activities (organisation_id, agent_id, created_at, activity_id)
    WHERE agent_id IS NOT NULL;
CREATE INDEX activities_wrap_code_idx ON activities (organisation_id, wrap_code, created_at, activity_id)
    WHERE wrap_code IS NOT NULL;

-- Statuses that an attempt has once it is over; who rings or talks now is found among the open ones, or by time.
CREATE INDEX attempts_ended_idx ON attempts (organisation_id, dial_status, dialled_at, attempt_id) WHERE dial_status > 1;
