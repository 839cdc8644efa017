"""A demo that was left up: where it is, and how it ends."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from demo.example import Example
from local_aws import background
from local_aws.errors import LocalAwsError
from local_aws.server import WORK_FOLDER, LocalAws

FOLDER = WORK_FOLDER / "demo"
_FILE = FOLDER / "kept.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is needed to find it again.

    Attributes:
        is_external: the endpoint came from AWS_ENDPOINT_URL and stays when the demo ends.
        outputs: the values of the outputs of examples/basic.
    """

    endpoint_url: str
    is_external: bool
    outputs: Mapping[str, Any]

    def connect(self) -> LocalAws:
        """The local AWS it is in.

        Raises:
            LocalAwsError: nothing answers there.
        """
        os.environ["AWS_ENDPOINT_URL"] = self.endpoint_url
        return LocalAws().start()


def save(aws: LocalAws, outputs: Mapping[str, Any]) -> Kept:
    """Write down what is left up."""
    kept = Kept(aws.endpoint_url, aws.is_external, outputs)
    _FILE.write_text(json.dumps(asdict(kept), indent=2) + "\n")
    return kept


def find() -> Kept | None:
    """What was left up; None when nothing was, or when it ended with the machine."""
    try:
        kept = Kept(**json.loads(_FILE.read_text()))
    except FileNotFoundError:
        return None
    return kept if kept.is_external or background.find() else None


def refuse_a_second() -> None:
    """Leave alone what is up already.

    Raises:
        LocalAwsError: something is.
    """
    if running := find() or background.find():
        raise LocalAwsError(
            f"Something is up already, at {running.endpoint_url}: end it with `make demo-stop`."
        )


def stop() -> bool:
    """End it and remove everything it left.

    Returns:
        Whether there was something.

    Raises:
        LocalAwsError: the endpoint is not ours and does not answer, or destroying failed.
    """
    kept = find()
    if kept and kept.is_external:
        Example(kept.connect(), FOLDER).destroy()
    ended = background.stop() or kept is not None
    shutil.rmtree(FOLDER, ignore_errors=True)
    return ended
