"""The one error that users of the local AWS see."""


class LocalAwsError(Exception):
    """What went wrong and what to do about it, in one sentence for the person at the keyboard."""
