"""A child process that ends when its parent does, however the parent dies.

The parent holds the writing end of a pipe that is the child's standard input and never writes.
The kernel closes that end with the parent, even after SIGKILL.
"""

import os
import threading
from collections.abc import Callable


def hold(on_parent_death: Callable[[], None]) -> None:
    """Take over standard input as the lifeline and leave /dev/null in its place.

    Args:
        on_parent_death: runs in a thread of its own once the parent is gone; it must end the
            process itself.
    """
    lifeline = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)

    def watch() -> None:
        while os.read(lifeline, 1):
            pass
        on_parent_death()

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
