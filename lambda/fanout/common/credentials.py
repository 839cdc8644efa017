"""The credentials that requests to S3 are signed with."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose request it is. Temporary credentials have a session token."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


class CredentialsError(Exception):
    """There are no credentials to sign with."""


def credentials_source(environ: Mapping[str, str] = os.environ) -> Callable[[], Credentials]:
    """What returns the credentials of the moment.

    Lambda puts those of the function's role into the environment (Lambda Developer Guide, "Working with
    Lambda environment variables"). Where there are none, botocore knows the other places, and when to
    ask there anew.

    Returns:
        A function that raises ``CredentialsError`` where there are none.
    """
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        return _elsewhere()
    found = Credentials(key, secret, environ.get("AWS_SESSION_TOKEN"))
    return lambda: found


def _elsewhere() -> Callable[[], Credentials]:
    import botocore.session
    from botocore.exceptions import BotoCoreError

    session = botocore.session.Session()

    def ask() -> Credentials:
        try:
            found = session.get_credentials()
            if found is None:
                raise CredentialsError("neither the environment nor botocore has any")
            frozen = found.get_frozen_credentials()
        except BotoCoreError as error:
            raise CredentialsError(str(error)) from error
        return Credentials(frozen.access_key or "", frozen.secret_key or "", frozen.token)

    return ask
