"""Shell: owns nothing itself; it holds one module per system whose records become events of a site.

Refuses to be a registry: who needs a source imports its module, and only `monitor` and `cli` choose one.
"""
