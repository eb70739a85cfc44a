"""Bytes of recordings and attachments by content hash, encrypted where a key is set. Nothing of what they are about."""
