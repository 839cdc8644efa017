"""The model as a whole: S3, SQS, and a path by which a benchmark fills and reads it."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
from dataclasses import asdict
from typing import Any

from .answers import S3
from .figures import Figures
from .http import Request, Response, serve
from .queues import SQS, TARGET
from .store import Bucket, Store

CONTROL = "/_model/"


class Model:
    """What answers a request to the model's port."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.s3 = S3(Store(), self.figures)
        self.sqs = SQS(self.figures)

    async def answer(self, request: Request) -> Response:
        """Answer a request of S3's, SQS's or the model's own."""
        if request.path.startswith(CONTROL):
            arguments = json.loads(request.body) if request.body else {}
            content = await self._control(request.path.removeprefix(CONTROL), arguments)
            return Response(200, json.dumps(content).encode())
        if request.headers.get("x-amz-target", "").startswith(TARGET):
            return await self.sqs.answer(request)
        return await self.s3.answer(request)

    async def _control(self, name: str, given: dict[str, Any]) -> Any:
        store = self.s3.store
        match name:
            case "clear":
                self.clear()
            case "bucket":
                store.buckets[given["name"]] = Bucket(given["is_versioned"])
            case "objects":
                return [
                    asdict(store.make(given["bucket"], key, given["size"])) for key in given["keys"]
                ]
            case "object":
                found = store.buckets[given["bucket"]].keys.get(given["key"])
                return asdict(found[-1]) | {"checksum": found[-1].checksum} if found else None
            case "messages":
                queue = self.sqs.queue(given["queue"])
                return [self.sqs.send(queue, body).id for body in given["bodies"]]
            case "receive":
                queue = self.sqs.queue(given["queue"])
                queue.visibility = given["visibility"]
                return await self.sqs.receive(queue, given["most"])
            case "delete":
                self.sqs.delete(self.sqs.queue(given["queue"]), given["receipts"])
            case "left":
                return len(self.sqs.queue(given["queue"]).messages)
            case "count":
                calls = self.s3.calls + self.sqs.calls
                used = resource.getrusage(resource.RUSAGE_SELF)
                return {
                    "calls": dict(sorted(calls.items())),
                    "slowed_down": self.s3.slowed_down,
                    "parts_asked_again": store.parts_asked_again,
                    "open_uploads": len(store.uploads),
                    "cpu_seconds": used.ru_utime + used.ru_stime,
                }
            case _:
                raise KeyError(name)
        return None


async def run(figures: Figures) -> None:
    """Serve a model until a signal comes; prints its port."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    server = await serve(Model(figures).answer, 0, figures.keep_alive)
    print(server.sockets[0].getsockname()[1], flush=True)
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    await stop.wait()
