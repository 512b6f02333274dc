"""Every task of this project comes from shipway."""

from shipway.tasks import namespace

__all__ = ["namespace"]
