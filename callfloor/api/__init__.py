"""HTTP: the way in, operations, problems, documents. The only room that knows an HTTP library; no SQL, no rules."""
