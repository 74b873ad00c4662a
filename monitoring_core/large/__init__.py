"""Shell: owns logs that are too large for one engine at a time: many sites, and one session of millions of events.

Refuses to know the command line; what it says of a site is what a plain replay of that site says.
"""

from monitoring_core.large.blocks import SortedLog, sort_log
from monitoring_core.large.cluster import LOCAL, cluster
from monitoring_core.large.index import Footer, Index, index_of, open_index, stamp_of, write_index
from monitoring_core.large.partitions import (
    PARTITIONS,
    Kind,
    Partition,
    Recipe,
    SiteReplay,
    digest_of,
    partitioned,
    recipe_from,
    replay_sites,
)
from monitoring_core.large.told import Told, sessions_of, told
from monitoring_core.large.workers import Pool, Workers, here, seldom_collecting

__all__ = [
    "LOCAL",
    "PARTITIONS",
    "Footer",
    "Index",
    "Kind",
    "Partition",
    "Pool",
    "Recipe",
    "SiteReplay",
    "SortedLog",
    "Told",
    "Workers",
    "cluster",
    "digest_of",
    "here",
    "index_of",
    "open_index",
    "partitioned",
    "recipe_from",
    "replay_sites",
    "seldom_collecting",
    "sessions_of",
    "sort_log",
    "stamp_of",
    "told",
    "write_index",
]
