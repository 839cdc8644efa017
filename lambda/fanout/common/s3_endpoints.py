"""Where S3 answers for a bucket.

AWS General Reference, "Amazon S3 endpoints and quotas"; S3 User Guide, "Virtual hosting of general
purpose buckets". What the environment may ask for: AWS SDKs and Tools Reference Guide, "Service-specific
endpoints", "Dual-stack and FIPS endpoints".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .connections import Origin

DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
}
"""Of the partitions, by how their regions begin; all others have ``amazonaws.com``."""

_IS_HOST_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a bucket is.

    Attributes:
        host: as the ``Host`` header has it.
        path: encoded; a key is appended after a slash.
    """

    origin: Origin
    host: str
    path: str


def address_of(bucket: str, region: str, environ: Mapping[str, str]) -> Address:
    """Where a bucket is reached from this environment.

    A name with a dot is part of the path: no certificate of S3's is for such a host. So is every name at
    an endpoint that the environment names.
    """
    custom = _custom_endpoint(environ)
    if custom:
        url = urlsplit(custom)
        is_tls = url.scheme == "https"
        origin = Origin(url.hostname or "", url.port or (443 if is_tls else 80), is_tls)
        return Address(origin, url.netloc.rpartition("@")[2], f"{url.path.rstrip('/')}/{bucket}")
    host = _regional_host(region, environ)
    if _IS_HOST_LABEL.fullmatch(bucket):
        host, path = f"{bucket}.{host}", ""
    else:
        path = f"/{bucket}"
    return Address(Origin(host, 443), host, path)


def _custom_endpoint(environ: Mapping[str, str]) -> str | None:
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None
    return environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")


def _regional_host(region: str, environ: Mapping[str, str]) -> str:
    def asks_for(what: str) -> bool:
        return environ.get(f"AWS_USE_{what}_ENDPOINT", "").lower() == "true"

    service = "s3-fips" if asks_for("FIPS") else "s3"
    suffix = next(
        (s for start, s in DNS_SUFFIXES.items() if region.startswith(start)), "amazonaws.com"
    )
    if asks_for("DUALSTACK"):
        service += ".dualstack"
    return f"{service}.{region}.{suffix}"
