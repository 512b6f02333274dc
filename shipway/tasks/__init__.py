"""Invoke's side: names, help and flags of the tasks; what they do is in `shipway.commands`.

One module a collection, each task the few words that differ; `shape` holds what they share.
"""

from __future__ import annotations

import atexit
import gc
import sys
from typing import Final

from invoke.collection import Collection

# Invoke lets no bytecode be written, for the sake of tasks.py. That is through now, and where the
# installer compiled nothing (uv), each command would compile all of shipway anew.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

from shipway.tasks import (  # noqa: E402 - after the line above
    backup,
    db,
    deploy,
    doctor,
    init,
    logs,
    release,
    sandbox,
)

__all__ = ["namespace"]

# Most commands are over within a second, a tenth of which Python spent on looking for cycles among
# modules that it had just loaded. It still looks, once there is something to be found; but not at
# the end, when all goes in any case.
_OBJECTS_BEFORE_A_LOOK: Final = 50_000
gc.set_threshold(_OBJECTS_BEFORE_A_LOOK, 20, 20)
atexit.register(gc.freeze)

namespace = Collection()
for _alone in (doctor, init):
    for _task in _alone.tasks.collection.tasks.values():
        namespace.add_task(_task)
for _module in (release, backup, db, deploy, logs, sandbox):
    namespace.add_collection(_module.tasks.collection)
