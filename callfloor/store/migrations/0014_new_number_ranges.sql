-- Countries of which an organisation takes numbers outside the ranges that are known (docs/phone-numbers.md).
ALTER TABLE organisations ADD COLUMN new_number_ranges text[] COLLATE "C" NOT NULL DEFAULT '{}';
