-- What an agent typed on a call and has not sent yet (contract.workspace_api.CallDraft).
CREATE TABLE call_drafts (
    organisation_id bigint NOT NULL,
    agent_id bigint NOT NULL,
    activity_id bigint NOT NULL,
    content jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, agent_id, activity_id),
    FOREIGN KEY (organisation_id, agent_id) REFERENCES users ON DELETE CASCADE
);
CREATE INDEX call_drafts_updated_idx ON call_drafts (updated_at);
