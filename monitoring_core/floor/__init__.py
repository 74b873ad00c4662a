"""Pure: owns what is known of one site: people, phones and calls, folded from events, and the facts for a request.

Refuses to know of sessions and rules; it says what changed and leaves what follows to the engine.
"""
