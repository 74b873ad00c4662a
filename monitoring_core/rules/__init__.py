"""Pure: owns the rule language: text to RuleBook, judging with the whole why, settings, and cases beside the rules.

Refuses to know where texts come from, how facts are filled, and what follows from a verdict.
"""
