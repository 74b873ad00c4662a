"""Twelve bugs, each a patch of a few lines in memory, and how soon the shipped machine finds them."""
