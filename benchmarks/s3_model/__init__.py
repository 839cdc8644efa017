"""A server that answers, waits and refuses like S3, and stores sizes instead of bytes.

``figures`` says how long a call takes, ``store`` what S3 holds and refuses, ``answers`` which call a
request is, ``objects`` and ``uploads`` what it does, ``queues`` plays SQS for the function, ``http``
serves it all, ``process`` runs it beside what is measured.
"""
