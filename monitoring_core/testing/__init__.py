"""Shell: owns stories of a call centre that are legal by construction, and how each system would tell them.

Refuses to judge them: what must come of a story is the reader's claim. It needs the extra `testing` only in `stories`.
"""
