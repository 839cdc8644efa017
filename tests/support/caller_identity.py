"""STS, as far as a plan needs it: whose credentials these are.

A plan of the module asks nobody else, so that it needs no account.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ACCOUNT = "111122223333"

ANSWER = f"""\
<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/somebody</Arn><UserId>AIDAEXAMPLE</UserId>
<Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>""".encode()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """Answer, whatever is asked."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def offline_provider() -> Iterator[dict[str, object]]:
    """While the context lasts, arguments of a provider that plans without an account."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield {
                "access_key": "none",
                "secret_key": "none",
                "skip_credentials_validation": True,
                "skip_metadata_api_check": True,
                "skip_requesting_account_id": True,
                "endpoints": [{"sts": f"http://127.0.0.1:{server.server_port}"}],
            }
        finally:
            server.shutdown()
            thread.join()
