"""The release's commands: how it begins, runs, ends, goes on, and is looked up."""
