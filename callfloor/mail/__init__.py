"""The e-mail channel: mail that comes in by SMTP or is fetched by IMAP, and answers that go out."""
