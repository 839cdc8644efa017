"""What is known about a destination's replicas while the demo runs."""

import json
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from demo.objects import Destination


@dataclass(slots=True)
class Replicas:
    """The replicas of one destination.

    Attributes:
        expected: the keys that have to arrive.
        arrived: size in bytes by key, as last listed.
        delays: seconds from the event to the replica being known as equal, by key, as the
            function logs them.
        failures: why the function failed, by key, where that is what it said last.
        crash: what ended the function's process or its start last, if anything did.
        compared: what differs between replica and source, by key; empty where they are equal.
    """

    destination: Destination
    bucket: str
    expected: Set[str] = frozenset()
    arrived: Mapping[str, int] = field(default_factory=dict)
    delays: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    crash: str | None = None
    compared: dict[str, list[str]] = field(default_factory=dict)

    def expect(self, source_keys: Iterable[str]) -> None:
        """Say which objects exist at the source; what has to be here follows from that."""
        self.expected = {key for s in source_keys if (key := self.destination.key_for(s))}

    def take_log_line(self, text: str) -> None:
        """Learn from one line of the function's log; the same line may come again.

        A key is put once, so of several lines about it the shortest delay is that of the first.
        """
        try:
            line = json.loads(text)
        except ValueError:  # Lambda's own
            if crash := re.search(r"(?:\[ERROR\]| Error:) ([^\r\n]+)", text):
                self.crash = crash[1]
            return
        key = str(line.get("destination_key")) if isinstance(line, dict) else ""
        if key not in self.expected:
            return
        if "reason" in line:
            self.failures[key] = f"{line['reason']}: {line.get('explanation', '')}"
        elif "delay_seconds" in line:
            delay = line["delay_seconds"]
            self.delays[key] = min(delay, self.delays.get(key, delay))
            self.failures.pop(key, None)

    @property
    def missing(self) -> list[str]:
        """Keys that should be there and are not."""
        return sorted(self.expected - self.arrived.keys())

    @property
    def extra(self) -> list[str]:
        """Keys that are there and should not be."""
        return sorted(self.arrived.keys() - self.expected)

    @property
    def equal(self) -> int:
        """How many replicas were read and found equal to their source."""
        return sum(not different for different in self.compared.values())

    @property
    def is_logged(self) -> bool:
        """Whether the function reported a delay for everything."""
        return self.expected <= self.delays.keys()

    def problems(self) -> list[str]:
        """Everything that is not as it should be, the reason first, then a line for each key."""
        name = self.destination.name
        return [
            *([f"{name}: its function says {self.crash}"] if self.crash and self.missing else []),
            *(
                f"{name}: {key!r} is missing. {self.failures.get(key, '')}".rstrip()
                for key in self.missing
            ),
            *(
                f"{name}: {key!r} differs in {', '.join(different)}"
                for key, different in sorted(self.compared.items())
                if different
            ),
            *(f"{name}: {key!r} should not be there" for key in self.extra),
        ]
