"""One provider process for all runs of Terraform's tests.

For every run of a test Terraform starts the provider anew, and that is most of what the tests cost. A
provider that was started for debugging says how to attach to it, and Terraform then starts none
(https://developer.hashicorp.com/terraform/plugin/debugging). The module must be initialized. Where no
provider can be held, the tests run without, and take longer.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
STARTS_WITHIN_SECONDS = 60

# The shell ends the provider when its standard input closes, which it does however this process ends.
HOLD = '"$0" -debug & exec >/dev/null; cat; kill "$!"'


def installed_provider(environ: Mapping[str, str], folder: Path = REPOSITORY) -> Path | None:
    """The program of the AWS provider `terraform init` selected in a folder, or None."""
    done = subprocess.run(
        ["terraform", "version", "-json"],
        cwd=folder,
        env=environ,
        check=True,
        stdout=subprocess.PIPE,
    )
    version = json.loads(done.stdout)
    for address, selected in version["provider_selections"].items():
        if address.endswith("/hashicorp/aws"):
            its = folder / ".terraform/providers" / address / selected / version["platform"]
            return next(its.glob("terraform-provider-aws*"), None)
    return None


@contextlib.contextmanager
def held(
    provider: Path | None, environ: Mapping[str, str], folder: Path = REPOSITORY
) -> Iterator[dict[str, str]]:
    """While the context lasts a provider runs; its value is the environment to attach to it."""
    if provider is None:
        yield {}
        return
    with subprocess.Popen(
        ["sh", "-c", HOLD, str(provider)],
        cwd=folder,
        env=environ,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        too_late = threading.Timer(STARTS_WITHIN_SECONDS, shell.stdin.close)
        too_late.start()
        said = (re.search(r"TF_REATTACH_PROVIDERS='(.*)'", line) for line in shell.stdout)
        found = next((match[1] for match in said if match), None)
        too_late.cancel()
        yield {} if found is None else {"TF_REATTACH_PROVIDERS": found}
