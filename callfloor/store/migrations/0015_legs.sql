-- What kind of leg an activity is, where its parent does not say it: out of a queue into another (`overflow`), back from
-- whoever did not take the call (`return`), of a second agent beside the first (`consult`), or of a number outside
-- (`outside`, and which). Null: the call's first leg, or, with a parent, one that a transfer began.

ALTER TABLE activities
    ADD COLUMN leg_type text COLLATE "C" CHECK (leg_type IN ('overflow', 'return', 'consult', 'outside', 'transfer')),
    -- the customer's agent called it, E.164; an erasure of this number empties it
    ADD COLUMN outside_number text COLLATE "C";
CREATE INDEX activities_outside_idx ON activities (organisation_id, outside_number) WHERE outside_number IS NOT NULL;
