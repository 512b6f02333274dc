"""The values: each is found under the package's own name, and none is loaded without need."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys

from shipway import values


def test_every_value_is_found_where_the_package_says_it_stands() -> None:
    told = [
        (str(one.module), name.name)
        for one in ast.walk(ast.parse(inspect.getsource(values)))
        if isinstance(one, ast.ImportFrom) and str(one.module).startswith("shipway.values.")
        for name in one.names
    ]
    assert len(told) > 100
    for module, name in told:
        assert getattr(values, name) is getattr(sys.modules[module], name)


def test_one_value_does_not_load_the_others() -> None:
    script = (
        "import sys; from shipway.values import Secret; "
        "print(*sorted(one for one in sys.modules if one.startswith('shipway.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["shipway.values", "shipway.values.basics"]
