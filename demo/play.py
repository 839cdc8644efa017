"""What can be tried with a demo that was left up, with nothing but what the repository has."""

import json
import os
import sys
import time
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from demo import kept
from demo.objects import DESTINATIONS
from local_aws.errors import LocalAwsError

REGION = DESTINATIONS[0].region
LOOK_SECONDS = 0.5
POLL_SECONDS = 2.5
"""So long may somebody who asked the queue before it was paused still be given a message."""


class Playground:
    """The commands; each prints what it finds."""

    def __init__(self) -> None:
        """Find what was left up.

        Raises:
            LocalAwsError: nothing was, or it does not answer.
        """
        found = kept.find()
        if found is None:
            raise LocalAwsError("Nothing is up: `make demo KEEP=1` leaves it up.")
        self._outputs = found.outputs
        self._aws = found.connect()

    def put(self, key: str, text: str) -> None:
        """Put an object with this text into the source bucket."""
        self._client("s3").put_object(
            Bucket=self._outputs["source_bucket"],
            Key=key,
            Body=text.encode(),
            ContentType="text/plain; charset=utf-8",
        )
        print(f"Put s3://{self._outputs['source_bucket']}/{key}")

    def ls(self, destination: str) -> None:
        """List a destination's objects, newest last."""
        bucket = self._outputs["destination_buckets"][destination]
        pages = self._client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        items = [item for page in pages for item in page.get("Contents", ())]
        for item in sorted(items, key=lambda item: item["LastModified"]):
            print(f"{_local(item['LastModified'])} {item['Size']:>12,} {item['Key']!r}")

    def log(self, destination: str) -> None:
        """Print a function's log from now on, until interrupted."""
        pages = self._client("logs").get_paginator("filter_log_events")
        group = self._made(destination)["log_group_name"]
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
        """Print how many messages wait for a destination, are worked on, and were given up."""
        made = self._made(destination)
        print(f"{self._depth(made['queue_url'])} waiting")
        print(f"{self._depth(made['queue_url'], 'NotVisible')} in flight or held back for a retry")
        print(f"{self._depth(made['dead_letter_queue_url'])} dead letters")

    def letters(self, destination: str) -> None:
        """Print up to ten dead letters with their reasons; they stay where they are."""
        found = self._client("sqs").receive_message(
            QueueUrl=self._made(destination)["dead_letter_queue_url"],
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            VisibilityTimeout=0,
        )
        for letter in found.get("Messages", ()):
            told = {n: a["StringValue"] for n, a in letter.get("MessageAttributes", {}).items()}
            print(f"{told.get('Reason')} {told.get('Key')!r}: {told.get('Explanation')}")
        if "Messages" not in found:
            print("No dead letters.")

    def where(self, key: str) -> None:
        """Print where an object's replicas are, and whether they have the source's content."""
        source = self._head(self._outputs["source_bucket"], REGION, key)
        print(f"{'source':<10} {_described(source)}")
        for destination in DESTINATIONS:
            there = destination.key_for(key)
            if there is None:
                print(f"{destination.name:<10} does not want it")
                continue
            bucket = self._outputs["destination_buckets"][destination.name]
            replica = self._head(bucket, destination.region, there)
            is_same = replica is not None and source is not None and _is_same(replica, source)
            note = ", as at the source" if is_same else ""
            print(f"{destination.name:<10} {_described(replica)}{note}")

    def pause(self, destination: str, *, resume: bool = False) -> None:
        """Do what `paused` of the module does for a destination with a queue, or undo it."""
        functions = self._client("lambda")
        found = functions.list_event_source_mappings(
            FunctionName=self._made(destination)["function_name"]
        )
        for mapping in found["EventSourceMappings"]:
            functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=resume)
        if not resume:
            time.sleep(POLL_SECONDS)
        print(f"{destination} {'goes on' if resume else 'is paused: its queue keeps what is put'}.")

    def reconcile(self, destination: str, *, repair: bool) -> None:
        """Compare a destination with the source, and print the answer.

        Args:
            repair: have what differs replicated as well.
        """
        function = self._made(destination)["function_name"].removesuffix(destination) + "reconcile"
        event = {"destination": destination, "mode": "repair" if repair else "audit"}
        answer = self._client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        print(json.dumps(json.load(answer["Payload"]), indent=2, ensure_ascii=False))

    def _head(self, bucket: str, region: str, key: str) -> Any:
        """What S3 says of an object; None when there is none."""
        s3 = self._aws.client("s3", region=region)
        try:
            return s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return None

    def _depth(self, queue_url: str, which: str = "") -> int:
        name = f"ApproximateNumberOfMessages{which}"
        return int(
            self._client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])[
                "Attributes"
            ][name]
        )

    def _made(self, destination: str) -> Any:
        """What the module made for a destination."""
        return self._outputs["destinations"][destination]

    def _client(self, service: str) -> Any:
        return self._aws.client(service, region=REGION)


def hints(endpoint_url: str) -> str:
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

  # What was given up, and why.
  {demo} letters nearby

  # Compare a destination with the source; replicate what differs, as for a bucket that was full before.
  {demo} reconcile overseas
  {demo} reconcile overseas --repair

  # The AWS command line, where it is installed
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  aws --endpoint-url {endpoint_url} --region {REGION} \\
    lambda list-functions

End it with `make demo-stop`."""


def _is_same(replica: Any, source: Any) -> bool:
    """Whether the content is the same: by checksum, or by ETag where the source has none."""
    name = "ChecksumCRC64NVME" if "ChecksumCRC64NVME" in source else "ETag"
    return bool(replica.get(name) == source[name])


def _described(head: Any) -> str:
    return "not there" if head is None else f"{head['ContentLength']:,} bytes"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%H:%M:%S}"
