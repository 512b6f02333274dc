"""This machine: processes, disks, clocks, what is remembered from earlier runs."""
