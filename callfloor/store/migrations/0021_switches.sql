-- A campaign that is off, whose ringing lines and waiting callers are let go; false: they go on to their end.
ALTER TABLE campaigns ADD COLUMN let_go boolean NOT NULL DEFAULT false;
