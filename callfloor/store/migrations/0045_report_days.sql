-- Days of which there are sums are those of the organisation's zone, of 23 to 25 hours, and no more of UTC: a report by days
-- takes them as they are. Days that were summed up before stay, as long as nothing of them changes.

-- null: 24 hours after `begins_at`
ALTER TABLE report_days ADD COLUMN ends_at timestamptz;
-- The zone of which every day was summed up that could be; null: none.
ALTER TABLE report_progress ADD COLUMN days_zone text COLLATE "C";
