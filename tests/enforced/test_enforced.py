"""The module where permissions are enforced: all of it works, and with one action less it does not."""

from __future__ import annotations

import json
import os
import random
from typing import Any

import pytest

from enforced.removals import (
    FUNCTIONS,
    READS,
    Deployed,
    FromApplier,
    FromFunction,
    problem,
)
from enforced.world import ABROAD, OTHER_ACCOUNT
from integration.support import REGION, THRESHOLD, Stack, inventory, messages_in
from local_aws.enforcing import EnforcingAws

OBJECT: dict[str, Any] = {
    "CacheControl": "max-age=1",
    "ContentType": "text/x-mine",
    "Metadata": {"who": "me"},
    "Tagging": "a=1",
}


def test_objects_arrive_with_the_permissions_of_the_module_alone(
    aws: EnforcingAws, stack: Stack
) -> None:
    keys = ["a+b %2F ü.txt", "empty"]
    with aws.refusals() as refused:
        stack.put(keys[0], b"1", **OBJECT)
        stack.put(keys[1], **OBJECT)
        stack.wait_until_equal(keys)
        stack.s3.delete_object(Bucket=stack.source_bucket, Key=keys[0])
        stack.wait_until_gone(stack.destinations["mirror"], keys[0])
    assert refused == []
    abroad = aws.client("s3", region=ABROAD, account=OTHER_ACCOUNT)
    head = abroad.head_object(Bucket="photos-us", Key=keys[0])
    assert head["SSEKMSKeyId"] == stack.destinations["abroad"].settings["kms_key_arn"]


def test_a_large_object_arrives_in_parts(aws: EnforcingAws, stack: Stack) -> None:
    with aws.refusals() as refused:
        stack.put("large/1", bytes(THRESHOLD + 1), Metadata={"who": "me"})
        stack.eventually(
            "it in parts",
            lambda: stack.keys("photos-copy") >= {"large/1"},
        )
        stack.wait_until_quiet()
    assert refused == []
    source, replica = (
        stack.s3.head_object(Bucket=bucket, Key="large/1") for bucket in ("photos", "photos-copy")
    )
    assert replica["ContentLength"] == source["ContentLength"]
    assert replica["Metadata"] == source["Metadata"]
    assert replica["ETag"].endswith('-3"')


def test_reconcile_finds_what_is_missing_and_has_it_replicated(
    aws: EnforcingAws, deployed: Deployed, stack: Stack
) -> None:
    plain = stack.destinations["plain"]
    stack.put("lost", b"1")
    stack.wait_until_equal(["lost"])
    stack.s3.delete_object(Bucket=plain.bucket, Key="lost")
    with aws.refusals() as refused:
        printed = stack.run(plain.reconcile_command)
        answer, _ = json.JSONDecoder().raw_decode(printed)
        assert answer["examples"]["missing"] == ["lost"]
        deployed.invoke("reconcile", {"destination": "plain", "mode": "repair"})
        stack.wait_until_equal(["lost"])
    assert refused == []


def test_a_dead_letter_is_listed_by_the_command_of_the_output(
    aws: EnforcingAws, stack: Stack
) -> None:
    plain = stack.destinations["plain"]
    with aws.refusals() as refused:
        stack.sqs.send_message(QueueUrl=plain.queue_url, MessageBody="no JSON")
        stack.eventually(
            "the dead letter", lambda: messages_in(stack.sqs, plain.dead_letter_queue_url)
        )
        assert "MalformedMessage" in stack.run(plain.list_dead_letters_command)
    assert refused == []


def test_one_action_less_is_refused_by_its_name(deployed: Deployed) -> None:
    seed = int(os.environ.get("FANOUT_SEED") or random.randrange(1000))
    choose = random.Random(seed).sample
    chosen: list[FromFunction | FromApplier] = [*choose(FUNCTIONS, 3), *choose(READS, 2)]
    unnoticed = [found for removal in chosen if (found := problem(removal, deployed))]
    assert unnoticed == [], f"FANOUT_SEED={seed}"


@pytest.mark.last
def test_every_input_can_be_changed_and_all_of_it_destroyed(deployed: Deployed) -> None:
    world = deployed.world
    world.apply(deployed.other_inputs)
    world.destroy(deployed.other_inputs)
    left = inventory(lambda service: world.aws.client(service, region=REGION))
    kinds = {kind: [n for n in names if "photos-fanout" in n] for kind, names in left.items()}
    assert kinds == {kind: [] for kind in kinds}
