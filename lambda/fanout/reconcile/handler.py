"""The entry point of the reconcile function; as with ``replicate``, importing it makes the clients."""

from __future__ import annotations

import os
from typing import Any

from ..common import config as configuration
from ..common.aws import lambda_client, listing_client, sqs_client
from ..common.log import Log
from .request import Json
from .run import ReconcileContext, Reconciler


def _reconciler() -> Reconciler:
    settings = configuration.load_reconciliation(os.environ)
    return Reconciler(
        settings,
        lambda_client(settings.region),
        listing_client,
        sqs_client(settings.region),
        Log(settings.log_level),
    )


_RECONCILER = _reconciler()


def handle(event: Any, context: ReconcileContext) -> Json:
    """Compare a destination with the source, and enqueue what differs if asked to.

    The event is described in ``parse_request``, the answer in ``Reconciler.handle``.
    """
    return _RECONCILER.handle(event, context)
