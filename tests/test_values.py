"""The values: each is found under the package's own name, and none is loaded without need."""

from __future__ import annotations

import subprocess
import sys

from shipway import values


def test_every_value_is_found_where_the_package_says_it_stands() -> None:
    for name in values.__all__:
        assert getattr(values, name) is not None


def test_one_value_does_not_load_the_others() -> None:
    script = (
        "import sys; from shipway.values import Secret; "
        "print(*sorted(one for one in sys.modules if one.startswith('shipway.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["shipway.values", "shipway.values.basics"]
