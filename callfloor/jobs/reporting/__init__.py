"""Reports, for the API and for the job process, which sends them: what can be asked, and what it comes to. Knows no
HTTP."""
