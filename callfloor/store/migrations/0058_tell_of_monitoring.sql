-- Whether agents are told of supervisors who listen to them unheard; of those who whisper or talk in they always are.
ALTER TABLE organisations ADD COLUMN tell_of_monitoring boolean NOT NULL DEFAULT true;
