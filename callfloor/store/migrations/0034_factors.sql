-- Second factors of people who sign in.

-- Roles whose holders need one; `everyone`: all do.
ALTER TABLE organisations ADD COLUMN second_factor text[] NOT NULL DEFAULT '{}';

-- Secrets of authenticator apps, wrapped under the master key (rules/privacy/wrapping.py).
CREATE TABLE totp_secrets (
    organisation_id bigint NOT NULL,
    user_id bigint NOT NULL,
    wrapped bytea NOT NULL,
    master_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL,
    -- null: shown, and no code of it was given yet
    confirmed_at timestamptz,
    -- the 30 seconds of the last code that was taken: it and older ones are spent
    last_step bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (organisation_id, user_id),
    FOREIGN KEY (organisation_id, user_id) REFERENCES users ON DELETE CASCADE
);

-- Codes for whoever lost the device; one that is used is deleted.
CREATE TABLE recovery_codes (
    organisation_id bigint NOT NULL,
    user_id bigint NOT NULL,
    code_hash bytea NOT NULL,
    PRIMARY KEY (organisation_id, user_id, code_hash),
    FOREIGN KEY (organisation_id, user_id) REFERENCES users ON DELETE CASCADE
);

-- WebAuthn credentials: the public half alone.
CREATE TABLE passkeys (
    organisation_id bigint NOT NULL,
    passkey_id bigint NOT NULL DEFAULT nextval('actor_ids'),
    user_id bigint NOT NULL,
    name text NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    transports text[] NOT NULL,
    -- may be copied to other devices of its owner
    synced boolean NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,
    PRIMARY KEY (organisation_id, passkey_id),
    CONSTRAINT passkeys_credential_key UNIQUE (organisation_id, credential_id),
    FOREIGN KEY (organisation_id, user_id) REFERENCES users ON DELETE CASCADE
);
CREATE INDEX passkeys_user_idx ON passkeys (organisation_id, user_id, passkey_id);

-- Challenges that were answered, until they are too old by themselves: each is answered once.
CREATE TABLE spent_challenges (
    organisation_id bigint NOT NULL,
    challenge_hash bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (organisation_id, challenge_hash)
);
CREATE INDEX spent_challenges_expires_idx ON spent_challenges (expires_at);

-- waits: the password was right, and a second factor is still to be shown. factor: the one that was.
ALTER TABLE sign_in_sessions ADD COLUMN waits boolean NOT NULL DEFAULT false, ADD COLUMN factor text COLLATE "C";
