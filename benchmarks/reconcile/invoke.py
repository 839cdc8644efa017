"""Runs reconcile to its end in this process, and prints what that took: ``memory`` starts it.

It imports nothing but the function, whose memory is told.
"""

import json
import resource
import sys
from types import SimpleNamespace
from typing import Any

from fanout.reconcile.handler import handle

before = resource.getrusage(resource.RUSAGE_SELF)
context: Any = SimpleNamespace(
    function_name="f", log_group_name="g", get_remaining_time_in_millis=lambda: 900_000
)
answer: Any = {"next": {"destination": "archive", "mode": sys.argv[1]}, "complete": False}
while not answer["complete"]:
    answer = handle(answer["next"], context)
after = resource.getrusage(resource.RUSAGE_SELF)
used = [each.ru_utime + each.ru_stime for each in (before, after)]
found = {
    "before": before.ru_maxrss / 1024,
    "after": after.ru_maxrss / 1024,
    "processor_seconds": used[1] - used[0],
    "answer": answer,
}
print(json.dumps(found))
