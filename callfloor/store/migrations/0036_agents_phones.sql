-- An agent's phone that went in mid-call without a word: how often in the leg, and how long the customer waited for it.
ALTER TABLE activities
    ADD COLUMN phone_losses smallint NOT NULL DEFAULT 0,
    ADD COLUMN phone_lost_s integer NOT NULL DEFAULT 0;

-- What an agent's browser measured of a call's sound, at the agent's wish (contract.workspace_phone.SoundDiagnosis).
CREATE TABLE call_diagnoses (
    organisation_id bigint NOT NULL,
    activity_id bigint NOT NULL,
    agent_id bigint NOT NULL,
    made_at timestamptz NOT NULL,
    content jsonb NOT NULL,
    PRIMARY KEY (organisation_id, activity_id, agent_id, made_at),
    FOREIGN KEY (organisation_id, agent_id) REFERENCES users ON DELETE CASCADE
);
CREATE INDEX call_diagnoses_made_idx ON call_diagnoses (made_at);

-- Which of an agent's devices has the phone in its browser.
CREATE TABLE phone_holders (
    organisation_id bigint NOT NULL,
    agent_id bigint NOT NULL,
    device uuid NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, agent_id),
    FOREIGN KEY (organisation_id, agent_id) REFERENCES users ON DELETE CASCADE
);
