"""`python -m tests.trading.crash RUNS [SEED]`: the summary as JSON."""

from __future__ import annotations

import json
import sys

from tests.trading.crash.program import main

sys.stdout.write(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1), indent=1) + "\n")
