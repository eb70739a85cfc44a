-- Addresses, and domains as @example.com, that reports may be sent to although nobody of the organisation has them.
ALTER TABLE organisations ADD COLUMN report_recipients text[] COLLATE "C" NOT NULL DEFAULT '{}';
