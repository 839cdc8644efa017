"""A model of S3 and SQS: one store, answered in the process of a test or by HTTP as fast as AWS would.

``figures`` says how long a call takes, ``store`` what S3 holds and refuses, ``s3`` which call a request
is, ``objects`` and ``uploads`` what it does, ``sqs`` holds messages, ``http`` serves it all, ``server``
is what a benchmark measures on.
"""
