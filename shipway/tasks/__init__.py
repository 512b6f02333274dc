"""Invoke's side: names, help and flags of the tasks; what they do is in `shipway.commands`.

One module a collection, each task the few words that differ; `shape` holds what they share.
"""

from __future__ import annotations

import gc
from typing import Final

from invoke.collection import Collection

from shipway.tasks import backup, db, deploy, doctor, init, logs, release, sandbox

__all__ = ["namespace"]

# Most commands are over within a second, a tenth of which Python spent on looking for cycles among
# modules that it had just loaded. It still looks, once there is something to be found.
_OBJECTS_BEFORE_A_LOOK: Final = 50_000
gc.set_threshold(_OBJECTS_BEFORE_A_LOOK, 20, 20)

namespace = Collection()
for _alone in (doctor, init):
    for _task in _alone.tasks.collection.tasks.values():
        namespace.add_task(_task)
for _module in (release, backup, db, deploy, logs, sandbox):
    namespace.add_collection(_module.tasks.collection)
