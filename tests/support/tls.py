"""TLS for servers on this machine, under an authority of its own that nobody else trusts."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Tls:
    """A certificate for this machine.

    Attributes:
        ca_bundle: the file that ``AWS_CA_BUNDLE`` names to clients.
        certificate: the server's, with its key, as a file.
    """

    ca_bundle: Path
    certificate: Path

    @classmethod
    def issue(cls, folder: Path) -> Tls:
        """Issue one for localhost and 127.0.0.1; its files are in ``folder``."""
        made = cls(folder / "authority.pem", folder / "certificate.pem")
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(made.ca_bundle))
        issued = authority.issue_cert("localhost", "127.0.0.1")
        issued.private_key_and_cert_chain_pem.write_to_path(str(made.certificate))
        return made

    def server(self) -> ssl.SSLContext:
        """What a server takes its connections by."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context
