"""Replicates what changes in one S3 bucket to one destination bucket.

The way of an event through the package: ``handler`` (entry point) -> ``batch`` (one invocation's
records) -> ``decode`` (envelopes to changes) -> ``converge`` (drives ``protocol``, which decides, and
``s3``, which acts) -> ``report`` (one log line per object).

The way of what events did not bring: ``reconcile`` (entry point) -> ``request`` (what is asked for)
-> ``reconciler`` (one invocation) -> ``slices`` (drives ``listing`` and ``comparing``) -> ``hints``
(messages to a destination's function) -> ``result`` (the answer, the metrics).
"""
