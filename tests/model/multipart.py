"""What the world answers to a worker about multipart uploads, one call after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import product

from fanout.replicate.actions import (
    AbortUploads,
    BeginUpload,
    CompleteUpload,
    CopyParts,
    LargeCopy,
    ListUploads,
)
from fanout.replicate.answers import (
    Aborted,
    Begun,
    Changed,
    Copied,
    Listed,
    ListedUpload,
    PartsCopied,
)
from fanout.replicate.object_state import ObjectState
from fanout.replicate.progress import Ending
from fanout.replicate.upload_plan import Part, patience_seconds

from model.worker import Busy, Request, Step, Upload, Uploads, Workers, Write
from model.world import LARGE_BYTES, PARTS, Scenario, Source, Value, tag_name

SLOTS = "abcdefgh"
"""Ids of uploads."""
FOREIGN = Upload("x", Value("", "", ""), is_foreign=True)
LONG_AGO = patience_seconds(LARGE_BYTES)


class Multipart:
    """Uploads in one scenario."""

    def __init__(self, scenario: Scenario, workers: Workers) -> None:
        self._scenario = scenario
        self._workers = workers

    def steps(
        self,
        busy: Busy,
        source: Source,
        replica: Value | None,
        uploads: Uploads,
        at_work: Collection[str],
        free: str,
        *,
        owns: bool,
    ) -> Iterator[Step]:
        """Everything that can happen next to a worker that is at an upload, crashes apart.

        Args:
            at_work: the uploads on which others work.
            free: an id for an upload.
        """
        match busy.action:
            case ListUploads() as action:
                for listed in self._listings(action, uploads, at_work):
                    idle = [each.id for each in listed.uploads if each.idle_seconds]
                    label = f"lists uploads: {_names(uploads)}; idle: {', '.join(idle) or 'none'}"
                    yield self._workers.next(busy, label, listed, replica, owns=owns)
            case BeginUpload(copy=copy):
                step = self._workers.next(
                    busy, f"begins upload {free}", Begun(free), replica, owns=owns
                )
                yield step._replace(uploads=(*uploads, Upload(free, _attributes(copy))))
            case CopyParts():
                yield from self._copy_parts(busy, source, replica, uploads, owns=owns)
            case CompleteUpload(upload_id=upload_id):
                yield from self._complete(busy, upload_id, replica, uploads, owns=owns)
            case AbortUploads(ids=ids):
                gone = [each for each in uploads if each.id in ids]
                label = f"aborts {_names(tuple(gone))}"
                step = self._workers.next(busy, label, Aborted(), replica, owns=owns)
                is_foreign = any(each.is_foreign for each in gone)
                yield step._replace(
                    uploads=tuple(each for each in uploads if each not in gone),
                    problem="an upload of somebody else was aborted" if is_foreign else "",
                )

    def _listings(
        self, action: ListUploads, uploads: Uploads, at_work: Collection[str]
    ) -> Iterator[Listed]:
        seen = self._scenario.are_workers_seen
        is_begun = action.begun in [each.id for each in uploads]
        initiator = "we" if self._scenario.is_known or is_begun else None
        ages = [
            (0.0,)
            if seen and (each.id in at_work or each.id == action.begun)
            else (LONG_AGO,)
            if seen
            else (LONG_AGO, 0.0)
            for each in uploads
        ]
        for idle_seconds in product(*ages):
            yield Listed(
                tuple(
                    ListedUpload(
                        each.id,
                        "somebody" if each.is_foreign else "we",
                        0 if self._scenario.is_second_shared else number,
                        idle,
                        self._parts(each, action.copy),
                    )
                    for number, (each, idle) in enumerate(zip(uploads, idle_seconds, strict=True))
                ),
                initiator,
            )

    def _parts(self, upload: Upload, copy: LargeCopy | None) -> dict[int, Part]:
        """Those that are there. Where cuts tell nothing they look like those of what is copied."""
        told = self._scenario.do_cuts_tell or copy is None
        return {
            number: Part(length if told else copy.plan.length(number), content)  # type: ignore[union-attr]
            for number, length, content in upload.parts
        }

    def _copy_parts(
        self, busy: Busy, source: Source, replica: Value | None, uploads: Uploads, *, owns: bool
    ) -> Iterator[Step]:
        """Copy the next parts, or be refused, or run out of time.

        A worker that knows of fewer parts than there are copies some again, which changes nothing.
        """
        action = busy.action
        assert isinstance(action, CopyParts)
        upload = next((each for each in uploads if each.id == action.upload_id), None)
        if_match = action.copy.source.etag if self._scenario.are_parts_conditional else "*"
        read = self._workers.read(if_match, action.copy.version_id, source)
        if upload is None or read is None:
            answer = PartsCopied(dict(action.there), is_changed=True)
            label = "copies a part: refused"
            yield self._workers.next(busy, label, answer, replica, owns=owns)
            return
        parts, there = self._parts(upload, action.copy), [each[0] for each in upload.parts]
        if len(there) == PARTS:
            answer = PartsCopied(parts)
            yield self._workers.next(busy, "has all parts", answer, replica, owns=owns)
            if self._scenario.may_time_out:
                answer = PartsCopied(parts, has_time=False)
                label = "has all parts, and no time left"
                yield self._workers.next(busy, label, answer, replica, owns=owns)
            return
        missing = [number for number in range(1, PARTS + 1) if number not in there]
        some = missing if self._scenario.parts == 1 or len(missing) == 1 else missing[:-1]
        content = read.version.value.content
        landed = tuple((number, action.copy.plan.length(number), content) for number in some)
        longer = upload._replace(parts=tuple(sorted((*upload.parts, *landed))))
        is_survivor = not self._scenario.replicate_deletes
        is_overwritten = source.current not in (None, read.version) and not is_survivor
        yield Step(
            f"copies parts {some} from {read.version}",
            busy,
            replica,
            owns,
            uploads=tuple(longer if each is upload else each for each in uploads),
            problem="parts of a version that is overwritten are copied" if is_overwritten else "",
        )
        if self._scenario.may_time_out:
            answer = PartsCopied(parts, has_time=False)
            yield self._workers.next(busy, "has no time left", answer, replica, owns=owns)

    def _complete(
        self, busy: Busy, upload_id: str, replica: Value | None, uploads: Uploads, *, owns: bool
    ) -> Iterator[Step]:
        upload = next((each for each in uploads if each.id == upload_id), None)
        if upload is None:
            yield self._workers.next(busy, "the upload is gone", Changed(), replica, owns=owns)
            return
        left = tuple(each for each in uploads if each is not upload)
        made = self._made(upload)
        state = self._scenario.replica_state(made, is_own=True)
        answer = Copied(state.etag, state.version_id)
        told_apart = self._scenario.replicas_are_told_apart
        label = f"completes {upload}: S3 writes {made}"
        step = self._workers.next(busy, label, answer, made, owns=told_apart, replaces=True)
        yield step._replace(uploads=left)
        if upload.is_overtaken:
            label = f"completes {upload}, and what is newer stays"
            yield self._workers.next(busy, label, answer, replica)._replace(uploads=left)

    def _made(self, upload: Upload) -> Value:
        """What it is completed to. A mix has the contents of all its parts."""
        contents = [content for _, _, content in upload.parts]
        content = contents[0] if len(set(contents)) == 1 else "".join(contents)
        made = self._scenario.as_copied(upload.value._replace(content=content))
        return self._scenario.with_cut(made, (upload.parts[0][1], upload.parts[1][1]))

    def abandoned(
        self, busy: Busy, uploads: Uploads, free: str
    ) -> Iterator[tuple[Request | None, Uploads]]:
        """What outlives this worker if it dies now, and the uploads that others see.

        S3 may carry out a completion for some time, and it is not said whether the upload is there
        meanwhile.
        """
        match busy.action:
            case BeginUpload(copy=copy) if len(uploads) < self._scenario.uploads:
                yield None, (*uploads, Upload(free, _attributes(copy)))
            case CompleteUpload(upload_id=upload_id):
                for upload in uploads:
                    if upload.id == upload_id:
                        write = Write(Ending.COPIED, value=self._made(upload))
                        request = Request(write, None, self._workers.is_waited_for)
                        yield request, tuple(each for each in uploads if each is not upload)
                        yield request, uploads

    def is_done_with(self, busy: Busy) -> bool:
        """Whether the message of this worker is done with although it goes on."""
        return self._scenario.is_done_before_complete and isinstance(busy.action, CompleteUpload)


def _attributes(copy: LargeCopy | None) -> Value:
    return Value("", "", "") if copy is None else _value(copy.source)


def _value(source: ObjectState) -> Value:
    ((_, headers),) = source.headers
    return Value(source.etag.strip('"')[0], headers, tag_name(source.tags))


def _names(uploads: Uploads) -> str:
    return ", ".join(each.id for each in uploads) or "none"
