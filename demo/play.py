"""A demo that was left up: how it is found again, what can be tried with it, how it ends."""

import json
import os
import shutil
import sys
import time
from typing import Any

from botocore.exceptions import ClientError
from rich.console import Console

from demo.example import Example
from demo.objects import DESTINATIONS, SOURCE_REGION
from demo.watch import describe_queues
from local_aws import background
from local_aws.errors import LocalAwsError
from local_aws.server import WORK_FOLDER, LocalAws

FOLDER = WORK_FOLDER / "demo"

LOOK_SECONDS = 0.5


def find() -> LocalAws | None:
    """Where a demo was left up: our LocalStack in the background, or else AWS_ENDPOINT_URL.

    Returns:
        None when nothing was left up, or when it ended with the machine.

    Raises:
        LocalAwsError: nothing answers at AWS_ENDPOINT_URL.
    """
    if not Example(FOLDER).is_applied:
        return None
    return background.find() or (LocalAws().start() if os.environ.get("AWS_ENDPOINT_URL") else None)


def stop(console: Console) -> bool:
    """End it and remove everything it left.

    Returns:
        Whether there was something.

    Raises:
        LocalAwsError: AWS_ENDPOINT_URL does not answer, or destroying failed.
    """
    aws = find()
    if aws and aws.is_external:
        Example(FOLDER).destroy(aws, console)
    ended = background.stop() or aws is not None
    if ended:  # else it may be at an endpoint that nobody named this time
        shutil.rmtree(FOLDER, ignore_errors=True)
    return ended


class Playground:
    """The commands, named as on the command line; each prints what it finds."""

    def __init__(self) -> None:
        """Find what was left up.

        Raises:
            LocalAwsError: nothing was, or it does not answer.
        """
        aws = find()
        if aws is None:
            raise LocalAwsError("Nothing is up: `make demo KEEP=1` leaves it up.")
        self._aws = aws
        outputs = Example(FOLDER).outputs(aws)
        self._source_bucket = outputs["source_bucket"]
        self._buckets = outputs["destination_buckets"]
        self._made = outputs["destinations"]

    def put(self, key: str, text: str) -> None:
        """Put an object with this text into the source bucket."""
        self._client("s3").put_object(
            Bucket=self._source_bucket,
            Key=key,
            Body=text.encode(),
            ContentType="text/plain; charset=utf-8",
        )
        print(f"Put s3://{self._source_bucket}/{key}")

    def where(self, key: str) -> None:
        """Print what there is of an object at the source and at each destination."""
        print(f"{'source':<10} {self._head(self._source_bucket, SOURCE_REGION, key)}")
        for d in DESTINATIONS:
            there = d.key_for(key)
            found = there and self._head(self._buckets[d.name], d.region, there)
            print(f"{d.name:<10} {found or 'does not want it'}")

    def ls(self, destination: str) -> None:
        """List a destination's objects, newest last."""
        pages = self._client("s3").get_paginator("list_objects_v2")
        found = pages.paginate(Bucket=self._buckets[destination]).search("Contents || `[]`")
        for item in sorted(found, key=lambda item: item["LastModified"]):
            at = item["LastModified"].astimezone()
            print(f"{at:%H:%M:%S} {item['Size']:>12,} {item['Key']!r}")

    def log(self, destination: str) -> None:
        """Print a function's log from now on, until interrupted."""
        pages = self._client("logs").get_paginator("filter_log_events")
        group = self._made[destination]["log_group_name"]
        begun_ms = int(time.time() * 1000)
        shown: set[str] = set()
        while True:
            for page in pages.paginate(logGroupName=group, startTime=begun_ms):
                for event in page["events"]:
                    if event["eventId"] not in shown:
                        shown.add(event["eventId"])
                        print(event["message"].rstrip("\n"), flush=True)
            time.sleep(LOOK_SECONDS)

    def queue(self, destination: str) -> None:
        """Print how many messages a destination has."""
        print(describe_queues(self._aws, self._made[destination]))

    def dead_letters(self, destination: str) -> None:
        """Print up to ten dead-letter messages with their reasons; they stay where they are."""
        found = self._client("sqs").receive_message(
            QueueUrl=self._made[destination]["dead_letter_queue_url"],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            VisibilityTimeout=0,
        )
        for message in found.get("Messages", ()):
            said = {n: a["StringValue"] for n, a in message.get("MessageAttributes", {}).items()}
            print(f"{said.get('Reason')} {said.get('Key')!r}: {said.get('Explanation')}")
        if "Messages" not in found:
            print("No dead-letter messages.")

    def pause(self, destination: str, *, resume: bool = False) -> None:
        """Do what `paused` of the module does for a destination with a queue, or undo it."""
        functions = self._client("lambda")
        found = functions.list_event_source_mappings(
            FunctionName=self._made[destination]["function_name"]
        )
        for mapping in found["EventSourceMappings"]:
            which = {"UUID": mapping["UUID"]}
            functions.update_event_source_mapping(**which, Enabled=resume)
            state = "Enabled" if resume else "Disabled"
            self._aws.eventually(
                f"{destination} {state.lower()}",
                lambda w=which, s=state: functions.get_event_source_mapping(**w)["State"] == s,  # type: ignore[misc]
            )
        print(f"{destination} {'goes on' if resume else 'is paused: its queue keeps what is put'}.")

    def resume(self, destination: str) -> None:
        """Let a paused destination go on."""
        self.pause(destination, resume=True)

    def reconcile(self, destination: str, repair: bool) -> None:
        """Compare a destination with the source, and print the answer.

        Args:
            repair: have what differs replicated as well.
        """
        function = self._made[destination]["function_name"].removesuffix(destination) + "reconcile"
        event = {"destination": destination, "mode": "repair" if repair else "audit"}
        answer = self._client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        print(json.dumps(json.load(answer["Payload"]), indent=2, ensure_ascii=False))

    def _head(self, bucket: str, region: str, key: str) -> str:
        try:
            head = self._aws.client("s3", region=region).head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return "not there"
        return f"{head['ContentLength']:,} bytes, ETag {head['ETag']}"

    def _client(self, service: str) -> Any:
        return self._aws.client(service, region=SOURCE_REGION)


def suggestions(endpoint_url: str) -> str:
    """What to try, ready to paste."""
    demo = f"{os.path.relpath(sys.executable)} -m demo"
    return f"""\
It stays up, at {endpoint_url}. What to try:

  # Put an object that all three destinations want, and see it there.
  {demo} put reports/hello.txt "Hello"
  {demo} where reports/hello.txt
  {demo} ls overseas

  # Follow a function's log while you put something in another terminal.
  {demo} log nearby

  # Pause a destination, put something, see it wait, let it go on.
  {demo} pause nearby
  {demo} put later.txt "Wait"
  {demo} queue nearby
  {demo} resume nearby

  # The events that were given up, and why.
  {demo} dead-letters nearby

  # Compare a destination with the source; replicate what differs.
  {demo} reconcile overseas
  {demo} reconcile overseas --repair

  # The AWS command line, where it is installed.
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  aws --endpoint-url {endpoint_url} --region {SOURCE_REGION} \\
    lambda list-functions

End it with `make demo-stop`."""
