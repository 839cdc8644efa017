"""``python -m benchmarks.s3_model [FIGURES]``: serve a model; figures that differ as a JSON object."""

import asyncio
import json
import sys

from .figures import Figures
from .server import run

asyncio.run(run(Figures(**json.loads(sys.argv[1] if len(sys.argv) > 1 else "{}"))))
