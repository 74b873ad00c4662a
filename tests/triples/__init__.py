"""Triples of a state, an event and a book: what the engine makes of each is what a naive oracle makes of it."""
