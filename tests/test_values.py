"""The values: none is made without need."""

from __future__ import annotations

import subprocess
import sys


def test_one_value_does_not_load_the_others() -> None:
    script = (
        "import sys; from shipway.values.basics import Secret; "
        "print(*sorted(one for one in sys.modules if one.startswith('shipway.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["shipway.values", "shipway.values.basics"]
