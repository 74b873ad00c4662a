"""Pure: owns the words of a site: events, facts, settings and limits, and everything that a Step can say.

Refuses to decide anything; it is the vocabulary that all other rooms share.
"""
