"""SQL of calls: activities, attempts, their legs, recordings, evidence and dispositions."""
