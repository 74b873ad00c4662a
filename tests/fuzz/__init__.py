"""`python -m tests.fuzz`: malformed inputs over everything that reads what comes from outside."""
