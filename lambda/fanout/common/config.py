"""The function's configuration: read once from the environment, complete or refused."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, TypeVar

ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
"""Storage classes whose objects cannot be copied before they are restored."""

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_Settings = TypeVar("_Settings")


class ConfigurationError(Exception):
    """The environment does not describe a replication; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Source:
    """The bucket whose objects are replicated."""

    bucket: str
    account_id: str
    region: str


class SameAs(Enum):
    """Where a setting comes from that is not given."""

    SOURCE = "SOURCE"
    """The source object."""


@dataclass(frozen=True, slots=True)
class ReplicaSettings:
    """What a destination asks of its replicas, besides being equal.

    Attributes:
        storage_class: None for S3's default.
        kms_key_arn: the key replicas are encrypted with; None for the bucket's default.
    """

    storage_class: str | SameAs | None = None
    kms_key_arn: str | None = None
    replicate_tags: bool = True
    replicate_deletes: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """The bucket this function writes to, and what it writes there."""

    name: str
    bucket: str
    region: str
    account_id: str
    prefixes: tuple[str, ...]
    exclude_prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]
    key_prefix: str
    strip_prefix: str
    storage_class: str | None
    kms_key_arn: str | None
    acl: str | None
    replicate_deletes: bool
    replicate_tags: bool
    echo_ending: str
    """What ends the name of the function that copies the other way, wherever it is."""

    @property
    def replica_settings(self) -> ReplicaSettings:
        """What replicas are like here."""
        has_own_class = self.storage_class != SameAs.SOURCE.value
        return ReplicaSettings(
            storage_class=self.storage_class if has_own_class else SameAs.SOURCE,
            kms_key_arn=self.kms_key_arn,
            replicate_tags=self.replicate_tags,
            replicate_deletes=self.replicate_deletes,
        )

    def key_for(self, source_key: str) -> str | None:
        """The key a source object has at this destination; None when it is not replicated.

        Then its key has none of the prefixes, one of the excluded ones or none of the suffixes, or
        nothing is left of it after ``strip_prefix``.
        """
        if self.prefixes and not source_key.startswith(self.prefixes):
            return None
        if source_key.startswith(self.exclude_prefixes):
            return None
        if self.suffixes and not source_key.endswith(self.suffixes):
            return None
        rest = source_key.removeprefix(self.strip_prefix)
        return self.key_prefix + rest if rest else None


@dataclass(frozen=True, slots=True)
class LogTable:
    """The table of the replication log."""

    table_name: str
    retention_days: int


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that differs between two functions of the module.

    Attributes:
        longest_write_seconds: later than this after it was sent, S3 no longer carries out a write.
    """

    source: Source
    destination: Destination
    queue_name: str
    dead_letter_queue_name: str
    replication_log: LogTable | None
    log_level: str
    longest_write_seconds: int
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Replication:
    """What a function replicates, and its work queue."""

    source: Source
    destination: Destination
    queue_name: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The settings of the reconcile function.

    Attributes:
        functions: the name of each destination's function, by the destination's key.
        delete_limit: how many extra objects a run may enqueue.
        region: where the functions and queues are.
    """

    functions: dict[str, str]
    delete_extra: bool
    delete_limit: int
    region: str
    log_level: str


def load(environ: Mapping[str, str]) -> Config:
    """Read the configuration the module wrote into the function's environment.

    Args:
        environ: ``SOURCE``, ``DESTINATION`` and ``REPLICATION_LOG`` (JSON objects with the
            attributes of the classes above, the last one ``null`` where there is no such table),
            ``QUEUE_NAME``, ``DEAD_LETTER_QUEUE_NAME``, ``LOG_LEVEL``,
            ``LONGEST_WRITE_SECONDS``; and what Lambda adds, ``AWS_LAMBDA_FUNCTION_MEMORY_SIZE``.

    Raises:
        ConfigurationError: a variable or an attribute is missing, unknown or of the wrong type.
            Nothing is guessed: a guessed bucket would be written to.
    """
    has_no_log = environ.get("REPLICATION_LOG") == "null"
    return Config(
        source=_object(environ, "SOURCE", Source),
        destination=_object(environ, "DESTINATION", Destination),
        queue_name=_variable(environ, "QUEUE_NAME"),
        dead_letter_queue_name=_variable(environ, "DEAD_LETTER_QUEUE_NAME"),
        replication_log=None if has_no_log else _object(environ, "REPLICATION_LOG", LogTable),
        log_level=_log_level(_variable(environ, "LOG_LEVEL")),
        longest_write_seconds=int(_variable(environ, "LONGEST_WRITE_SECONDS")),
        memory_mb=int(_variable(environ, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE")),
    )


def load_replication(environ: Mapping[str, str]) -> Replication:
    """Read what another function of the module replicates.

    Args:
        environ: its environment as the module wrote it. Raises as ``load``.
    """
    return Replication(
        source=_object(environ, "SOURCE", Source),
        destination=_object(environ, "DESTINATION", Destination),
        queue_name=_variable(environ, "QUEUE_NAME"),
    )


def load_reconciliation(environ: Mapping[str, str]) -> Reconciliation:
    """Read what the module wrote into the environment of the reconcile function.

    Args:
        environ: ``RECONCILE``, a JSON object with the attributes of its class, compressed by gzip
            and written in Base64 if it is long. Raises as ``load``.
    """
    given = _variable(environ, "RECONCILE")
    if not given.startswith("{"):
        with suppress(ValueError, OSError, EOFError):
            given = gzip.decompress(base64.b64decode(given)).decode()
    found = _object({"RECONCILE": given}, "RECONCILE", Reconciliation)
    _log_level(found.log_level)
    return found


def _log_level(given: str) -> str:
    if given not in LOG_LEVELS:
        raise ConfigurationError(f"LOG_LEVEL is {given!r}; write one of {', '.join(LOG_LEVELS)}")
    return given


def _variable(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise ConfigurationError(f"environment variable {name} is missing; the module sets it")
    return value


def _object(environ: Mapping[str, str], name: str, kind: type[_Settings]) -> _Settings:
    try:
        given = json.loads(_variable(environ, name))
    except ValueError as error:
        raise ConfigurationError(f"environment variable {name} is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ConfigurationError(f"environment variable {name} is not a JSON object")
    declared = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(given.keys() - declared.keys())
    missing = sorted(declared.keys() - given.keys())
    if unknown or missing:
        raise ConfigurationError(
            f"environment variable {name}: missing {missing or 'nothing'}, unknown "
            f"{unknown or 'nothing'}; module and function are of different versions"
        )
    typed = {key: _typed(name, key, value, declared[key].type) for key, value in given.items()}
    return kind(**typed)


def _typed(variable: str, key: str, value: Any, annotation: Any) -> Any:
    """Check a JSON value against a field's annotation (a string: annotations are postponed)."""
    kinds: dict[str, tuple[type, ...]] = {
        "bool": (bool,),
        "dict[str, str]": (dict,),
        "int": (int,),
        "str": (str,),
        "str | None": (str, type(None)),
        "tuple[str, ...]": (list,),
    }
    is_right = isinstance(value, kinds[annotation])
    if annotation == "int" and isinstance(value, bool):
        is_right = False
    texts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not is_right or not all(isinstance(text, str) for text in texts):
        raise ConfigurationError(
            f"environment variable {variable}: {key} is {value!r}, not {annotation}"
        )
    return tuple(value) if isinstance(value, list) else value
