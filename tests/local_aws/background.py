"""One LocalStack per checkout that outlives the process that started it.

A state file says which process it is; `stop` works from any process of the checkout.
"""

import json
from pathlib import Path

import psutil

from local_aws.server import DEFAULT_PORT, WORK_FOLDER, LocalAws

STATE_FILE = WORK_FOLDER / "state.json"


def start(*, port: int = DEFAULT_PORT) -> LocalAws:
    """Start LocalStack and leave it running, unless it runs already.

    Args:
        port: port on 127.0.0.1 for a new one.

    Returns:
        The running one; nothing needs to be stopped unless `stop` of this module is wanted.

    Raises:
        LocalAwsError: as `LocalAws.start`.
    """
    if running := find():
        return running
    aws = LocalAws(port=port, log_file=WORK_FOLDER / "localstack.log")
    aws.start(stay=True)
    if aws.process and aws.data_folder:
        state = {
            "pid": aws.process.pid,
            "created": aws.process.create_time(),
            "endpoint_url": aws.endpoint_url,
            "data_folder": str(aws.data_folder),
        }
        STATE_FILE.write_text(json.dumps(state, indent=2) + "\n")
    return aws


def find() -> LocalAws | None:
    """The one that runs in the background, or None."""
    try:
        state = json.loads(STATE_FILE.read_text())
        process = psutil.Process(state["pid"])
        if process.create_time() != state["created"]:
            return None  # the id was given to another process
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None
    aws = LocalAws()
    aws.endpoint_url = state["endpoint_url"]
    aws.process = process
    aws.data_folder = Path(state["data_folder"])
    return aws


def stop() -> bool:
    """End the one in the background with everything it started.

    Returns:
        Whether there was one.
    """
    running = find()
    if running:
        running.stop()
    STATE_FILE.unlink(missing_ok=True)
    return running is not None
