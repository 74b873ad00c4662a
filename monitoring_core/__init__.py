"""Pure: owns the package's version and nothing else; importing it writes, starts and loads nothing.

Refuses to be imported by its own rooms (law 11).
"""

__version__ = "0.1.0"
