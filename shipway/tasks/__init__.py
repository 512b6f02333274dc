"""Invoke's side: names, help and flags of the tasks; what they do is in `shipway.commands`.

One module a collection, each task the few words that differ; `shape` holds what they share.
"""

from __future__ import annotations

from invoke.collection import Collection

from shipway.tasks import backup, db, deploy, doctor, init, logs, release, sandbox

__all__ = ["namespace"]

namespace = Collection()
for _alone in (doctor, init):
    for _task in _alone.tasks.collection.tasks.values():
        namespace.add_task(_task)
for _module in (release, backup, db, deploy, logs, sandbox):
    namespace.add_collection(_module.tasks.collection)
