"""Replicates what changes in the source bucket to one destination bucket.

An event's way: ``handler`` (entry point) -> ``batch`` (one invocation's messages) -> ``decode``
(envelopes to changes) -> ``replicator`` (one key) -> ``protocol`` (decides), ``s3`` and ``multipart``
(carry out) -> ``report`` (one log line per key).
"""
