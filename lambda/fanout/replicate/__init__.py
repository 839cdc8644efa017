"""Replicates what changes in the source bucket to one destination bucket.

An event's way: ``handler`` (entry point) -> ``batch`` (one invocation's messages) -> ``decode``
(envelopes to events) -> ``replicator`` (one key) -> ``protocol``, ``uploads`` (decide), ``s3``,
``multipart`` (carry out) -> ``report`` (one log line per key).
"""
