"""SQL of privacy: do-not-call, erasure, and what finds a customer's traces."""
