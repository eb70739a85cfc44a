"""Work of the job process: imports, sealing of evidence, housekeeping. Each job may be killed and done again."""
