"""Compares a destination with the source, and queues what differs.

A run's way: ``handler`` (entry point) -> ``request`` (what is asked for) -> ``run`` (one invocation of
it) -> ``listing`` (pages of both buckets) -> ``compare`` (what differs) -> ``enqueue`` (messages to the
destination's function) -> ``result`` (the answer, the metrics).
"""
