"""One S3 bucket replicated to others, in three rooms.

``replicate`` brings what changes to one destination, ``reconcile`` finds what no event brought, and
``common`` is what both are built on. It knows neither of them, and they do not know each other.
"""
