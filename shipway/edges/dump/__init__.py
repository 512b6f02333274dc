"""A dump of the target, and the archive that it makes."""
