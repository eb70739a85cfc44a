"""Evidence of attempts: records, their chain, their files."""
