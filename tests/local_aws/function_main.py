"""What a function process runs: `python -P -m local_aws.function_main FUNCTION HANDLER`.

AWS's own runtime interface client does the work. Around it: the process ends with LocalStack,
and the code folder comes first on the import path, as in Lambda. FUNCTION is there for `ps` and
for `LocalAws.function_processes`.
"""

import os
import sys

from awslambdaric.__main__ import main as run_runtime_client

from local_aws import lifeline


def main() -> None:
    """Serve invocations until killed.

    Raises:
        SystemExit: with status 1 when the handler cannot be loaded; the runtime client has
            reported why to the Runtime API by then.
    """
    program, _function_name, handler = sys.argv
    lifeline.hold(lambda: os._exit(1))
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    run_runtime_client([program, handler])


if __name__ == "__main__":
    main()
