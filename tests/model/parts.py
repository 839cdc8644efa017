"""What a worker does with multipart uploads: ``LargeObjectCopy``, one call after the other.

Which upload it goes on with is decided by the shipped ``Upload.is_of``.
"""

from __future__ import annotations

from collections.abc import Iterator

from fanout.replicate.object_state import ObjectState
from fanout.replicate.protocol import Changed, Copied, Copy, Ending, Finish, Queued
from fanout.replicate.upload_plan import Upload as NamedUpload

from model.worker import (
    OVER,
    Busy,
    Complete,
    Completed,
    Refused,
    Request,
    Step,
    Upload,
    Uploads,
    Workers,
)
from model.world import Scenario, Source, Value, tag_name

KEY = "key"


class Parts:
    """What workers do with uploads in one scenario. Those of a state are told by their number."""

    def __init__(self, scenario: Scenario, workers: Workers) -> None:
        self._scenario = scenario
        self._workers = workers

    def copy(
        self,
        busy: Busy,
        source: Source,
        replica: Value | None,
        uploads: Uploads,
        held: list[int],
        *,
        owns: bool,
    ) -> Iterator[Step]:
        """Everything that can happen next to a worker that copies in parts, crashes apart.

        One that holds several uploads of the object may go on with any: it takes the first, and they
        have no order here.

        Args:
            held: the uploads that its messages name and that it has not seen the end of.
        """
        copy = busy.action
        assert isinstance(copy, Copy)
        mine = self._usable(copy, uploads, held)
        if not mine:
            yield self._begin(busy, copy, replica, uploads, owns=owns)
        for number in mine:
            upload = uploads[number]
            if isinstance(busy.partial, Refused) or not upload.is_open:
                what = f"aborts {upload}" if upload.is_open else "the upload is gone"
                step = self._workers.next(busy, what, Changed(), replica, owns=owns)
                yield step._replace(uploads=_closed(uploads, number), lets_go=number)
            else:
                yield from self._go_on(busy, number, source, replica, uploads, owns=owns)

    def _begin(
        self, busy: Busy, copy: Copy, replica: Value | None, uploads: Uploads, *, owns: bool
    ) -> Step:
        assert copy.source is not None
        value = _attributes(copy.source)
        upload = Upload(NamedUpload.of(copy.source, KEY, ""), value)
        label = f"begins {upload} and sends its message"
        step = self._workers.next(busy, label, Queued(), replica, owns=owns)
        return step._replace(uploads=(*uploads, upload), sends=True)

    def _go_on(
        self,
        busy: Busy,
        number: int,
        source: Source,
        replica: Value | None,
        uploads: Uploads,
        *,
        owns: bool,
    ) -> Iterator[Step]:
        """The next call of a worker that copies the parts of an open upload.

        A worker that knows of fewer parts than there are copies some again. If S3 carries that out
        nothing changes, and so only the refusal is left to look at.
        """
        copy, upload = busy.action, uploads[number]
        assert isinstance(copy, Copy)
        is_full = len(upload.parts) == self._scenario.parts
        if is_full:
            yield self._complete(busy, number, uploads)
            if upload.is_overtaken:
                label = f"completes {upload}, and what is newer stays"
                yield self._completed(Step(label, busy, replica), number, uploads)
        if_match = copy.if_match if self._scenario.are_parts_conditional else "*"
        read = self._workers.read(Copy(if_match, None, copy.version_id), source)
        if read is None:
            yield Step("copies a part: refused", busy._replace(partial=Refused()), replica, owns)
        elif not is_full:
            content = read.version.value.content
            longer = upload._replace(parts=upload.parts + content)
            label = f"copies a part from {read.version}"
            yield Step(label, busy, replica, owns, uploads=_with(uploads, number, longer))

    def _complete(self, busy: Busy, number: int, uploads: Uploads) -> Step:
        replica = self._scenario.as_copied(uploads[number].replica)
        label = f"completes {uploads[number]}: S3 writes {replica}"
        owns = self._scenario.replicas_are_told_apart
        return self._completed(Step(label, busy, replica, owns, replaces=True), number, uploads)

    def _completed(self, step: Step, number: int, uploads: Uploads) -> Step:
        """A step that completes an upload; the older ones are aborted then."""
        assert step.busy is not None
        state = self._scenario.replica_state(uploads[number].replica, is_own=True)
        answer = Copied(state.etag, state.version_id)
        older = tuple(n for n, upload in enumerate(uploads[:number]) if upload.is_open)
        if older:
            step = step._replace(busy=step.busy._replace(partial=Completed(answer)), older=older)
        else:
            step = self._copied(step, answer)
        return step._replace(uploads=_closed(uploads, number), lets_go=number)

    def abort_older(
        self, busy: Busy, replica: Value | None, uploads: Uploads, older: list[int], *, owns: bool
    ) -> Iterator[Step]:
        """The next call of a worker that has completed an upload and aborts the older ones."""
        first, *others = older
        step = Step(f"aborts the older {uploads[first]}", busy, replica, owns, older=tuple(others))
        if not others:
            assert isinstance(busy.partial, Completed)
            step = self._copied(step, busy.partial.answer)
        yield step._replace(uploads=_closed(uploads, first))

    def _copied(self, step: Step, answer: Copied) -> Step:
        """A step with which the copy is made."""
        assert step.busy is not None
        return self._workers.next(
            step.busy, step.label, answer, step.replica, owns=step.owns, replaces=step.replaces
        )

    def end(
        self, busy: Busy, replica: Value | None, uploads: Uploads, held: list[int]
    ) -> Iterator[Step]:
        """Every next call of a worker that aborts what it does not need."""
        action = busy.action
        assert isinstance(action, Finish)
        for number in held:
            is_last = len(held) == 1
            yield Step(
                f"aborts {uploads[number]}" + "; its delivery is over" * is_last,
                None if is_last else busy,
                replica,
                comes_back=is_last and action.ending is Ending.UNSETTLED,
                uploads=_closed(uploads, number),
                lets_go=number,
            )

    def abandoned(
        self, busy: Busy, uploads: Uploads, held: list[int]
    ) -> Iterator[tuple[Request, Uploads]]:
        """The completions that outlive this worker if it dies now, and what others see of them.

        S3 may carry one out for some time, and it is not said whether the upload is there meanwhile.
        """
        copy = busy.action
        assert isinstance(copy, Copy)
        for number in self._usable(copy, uploads, held):
            upload = uploads[number]
            if upload.is_open and len(upload.parts) == self._scenario.parts:
                value = self._scenario.as_copied(upload.replica)
                request = Request(Complete(value), None, not self._scenario.comes_back_early)
                yield request, _closed(uploads, number)
                yield request, uploads

    def is_done_with(self, busy: Busy, uploads: Uploads, held: list[int]) -> bool:
        """Whether the messages of this worker are done with although it goes on."""
        copy = busy.action
        return self._scenario.is_done_before_complete and any(
            len(uploads[number].parts) == self._scenario.parts
            for number in (self._usable(copy, uploads, held) if isinstance(copy, Copy) else ())
        )

    def _usable(self, copy: Copy, uploads: Uploads, held: list[int]) -> list[int]:
        assert copy.source is not None
        return [
            number
            for number in held
            if uploads[number].named.is_of(copy.source, KEY)
            or not self._scenario.is_identity_compared
        ]


def ending(*, comes_back: bool) -> Busy:
    """A worker that has converged and still has uploads to abort."""
    return Busy(OVER, Finish(Ending.UNSETTLED if comes_back else Ending.CURRENT), None)


def _attributes(source: ObjectState) -> Value:
    ((_, headers),) = source.headers
    return Value(source.etag.strip('"')[0], headers, tag_name(source.tags))


def _with(uploads: Uploads, number: int, upload: Upload) -> Uploads:
    return (*uploads[:number], upload, *uploads[number + 1 :])


def _closed(uploads: Uploads, number: int) -> Uploads:
    """Nothing is left of a closed upload but its message."""
    gone = Upload(uploads[number].named, Value("", "", ""), is_open=False)
    return _with(uploads, number, gone)
