"""Pure: owns Finesse's XML both ways: notifications and answers read, requests written, refusals explained.

Refuses to know how they travel and what they lead to; `sources` and `outbound` do.
"""
