"""Replicates what changes in one S3 bucket to one destination bucket.

The way of an event through the package: ``handler`` (entry point) -> ``batch`` (one invocation's
records) -> ``decode`` (envelopes to changes) -> ``converge`` (drives ``protocol``, which decides, and
``s3``, which acts) -> ``report`` (one log line per object).
"""
