"""Accounts on mail servers: where their passwords are, and how a connection is made private."""

from __future__ import annotations

import ssl
from pathlib import Path

from callfloor.contract.mailboxes import Account
from callfloor.mail import secret_files
from callfloor.settings import secret_of


class SecretMissing(LookupError):
    """The password is not where the centre file says. The message names the place, never the secret."""


def password(account: Account, folder: Path) -> str | None:
    """The account's password, read anew each time; None when it needs none. Raises `SecretMissing`.

    `folder`: where all files with passwords are.
    """
    if account.password_file is not None:
        try:
            return secret_files.read(folder, account.password_file)
        except secret_files.SecretFileError as error:
            raise SecretMissing(str(error)) from error
    if account.password_variable is not None:
        found = secret_of(account.password_variable)
        if found is None:
            raise SecretMissing(f"the environment variable {account.password_variable} is not set")
        return found
    return None


def tls_context() -> ssl.SSLContext:
    """Trusts what the system trusts (and `SSL_CERT_FILE`), and checks names."""
    return ssl.create_default_context()
