"""Invoke's side: names, help and flags of the tasks; what they do is in `shipway.commands`.

One module a collection, each task the few words that differ; `shape` holds what they share.
"""

from __future__ import annotations

from shipway.tasks import backup, db, deploy, doctor, logs, release, sandbox

__all__ = ["namespace"]

namespace = doctor.tasks.collection
for _module in (release, backup, db, deploy, logs, sandbox):
    namespace.add_collection(_module.tasks.collection)
