"""A second local AWS, which refuses what is not allowed: MiniStack, over TLS."""

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

import boto3
import psutil
from botocore.config import Config

from local_aws.server import Activity, LocalAws
from support.tls import Tls

HOST = "127.0.0.1"


class EnforcingAws(LocalAws):
    """MiniStack. An access key of 12 digits is the root of that account, which may do everything."""

    name = "MiniStack"
    _program = "local_aws.enforcing_main"

    def refused(self) -> list[dict[str, str]]:
        """What was refused so far: ``principal``, ``action`` and ``resource``."""
        assert self.data_folder is not None
        file = self.data_folder / "refused"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def credentials(self, role: str) -> dict[str, str]:
        """What a session of a role signs with, by the names in the environment."""
        got = self.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": got["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": got["SecretAccessKey"],
            "AWS_SESSION_TOKEN": got["SessionToken"],
        }

    def client_of(self, role: str, service: str, region: str) -> Any:
        """A boto3 client for a session of a role, whose requests are made once."""
        signs = {name.lower(): value for name, value in self.credentials(role).items()}
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            verify=str(self.ca_bundle),
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
            **signs,
        )

    @contextlib.contextmanager
    def refusals(self) -> Iterator[list[dict[str, str]]]:
        """What is refused in the block; filled at its end."""
        before = len(self.refused())
        found: list[dict[str, str]] = []
        yield found
        found += self.refused()[before:]

    def activity(self) -> Activity:
        """What goes on, as far as the processor time of the functions tells."""
        assert self.process is not None
        spent = 0.0
        for child in self.process.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                spent += sum(child.cpu_times()[:2])
        return Activity(int(20 * spent), under_way=0, overlaid=0, failures=[], processes={})

    def _environment(self, port: int) -> dict[str, str]:
        assert self.data_folder is not None
        self.endpoint_url = f"https://{HOST}:{port}"
        tls = Tls.issue(self.data_folder)
        self.ca_bundle = tls.ca_bundle
        # What MiniStack's functions trust is what the file with its certificate holds.
        chain = self.data_folder / "chain.pem"
        chain.write_bytes(tls.certificate.read_bytes() + tls.ca_bundle.read_bytes())
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONUTF8": "1",
            "PYTHONUNBUFFERED": "1",
            "HOME": str(self.data_folder),
            "TMPDIR": str(self.data_folder),
            "S3_DATA_DIR": str(self.data_folder / "s3"),
            "STATE_DIR": str(self.data_folder / "state"),
            "GATEWAY_PORT": str(port),
            "AUTH": "true",
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(chain),
            "MINISTACK_SSL_KEY": str(tls.certificate),
            "LOG_LEVEL": "WARNING",
            # Servers that nobody asks here.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }

    def _is_ready(self) -> bool:
        with contextlib.suppress(Exception):
            self.client("sts").get_caller_identity()
            return True
        return False
