-- Pages of leads (decision 5, store/leads/lead_pages.py): whether a lead was changed since it was uploaded stands before
-- the order, so that unchanged leads, of which the time of update is that of upload, are found by update too, and only
-- changed ones are in an index by update. By status of all lists: merged from them.
DROP INDEX leads_list_idx, leads_status_idx, leads_list_status_idx, leads_updated_idx;
CREATE INDEX leads_list_idx
    ON leads (organisation_id, list_id, (completed_at IS NOT NULL), (updated_at <> uploaded_at), uploaded_at, lead_id);
CREATE INDEX leads_list_status_idx ON leads
    (organisation_id, list_id, status_code, (completed_at IS NOT NULL), (updated_at <> uploaded_at), uploaded_at, lead_id);
CREATE INDEX leads_updated_idx ON leads (organisation_id, list_id, (completed_at IS NOT NULL), updated_at, lead_id)
    WHERE updated_at <> uploaded_at;
CREATE INDEX leads_status_updated_idx
    ON leads (organisation_id, list_id, status_code, (completed_at IS NOT NULL), updated_at, lead_id)
    WHERE updated_at <> uploaded_at;
-- What else may be asked of an agent's leads and calls is told in the index.
DROP INDEX leads_agent_idx;
CREATE INDEX leads_agent_idx ON leads (organisation_id, agent_id, uploaded_at, lead_id, list_id, status_code)
    WHERE agent_id IS NOT NULL;
DROP INDEX activities_agent_idx;
CREATE INDEX activities_agent_idx ON activities (organisation_id, agent_id, created_at, activity_id, wrap_code)
    WHERE agent_id IS NOT NULL;
