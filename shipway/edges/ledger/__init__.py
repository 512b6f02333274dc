"""What the target keeps of releases: ledger, journal, approvals; and other tools' histories."""
