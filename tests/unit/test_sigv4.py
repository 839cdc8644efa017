"""Signatures, beside those that AWS publishes and those that botocore makes."""

from __future__ import annotations

import hashlib
import random
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from fanout.common.credentials import Credentials
from fanout.common.sigv4 import authorization, canonical_query, encoded

from support.objects import AWKWARD_KEYS

REQUESTS = 10_000
REGIONS = ("us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1")
ALPHABET = "abyz059-._~ +%/?&=#:;,@!$'()*[]{}<>|\\\"^`\tÄßé漢😀"
VALUES = "abyz059-._~ +%/?&=#:;,@\"'  "

PUBLISHED = {
    "GET Object": (
        ("GET", "/test.txt", {}, {"range": "bytes=0-9"}, b""),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "PUT Object": (
        (
            "PUT",
            "/test$file.text",
            {},
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
        ),
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "GET Bucket Lifecycle": (
        ("GET", "/", {"lifecycle": ""}, {}, b""),
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "Get Bucket (List Objects)": (
        ("GET", "/", {"max-keys": "2", "prefix": "J"}, {}, b""),
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}
"""The examples of the S3 API reference, "Signature Calculations for the Authorization Header:
Transferring Payload in a Single Chunk (AWS Signature Version 4)"."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_examples_that_aws_publishes_get_the_signatures_it_publishes(name: str) -> None:
    (method, path, query, headers, body), signature = PUBLISHED[name]
    always = {
        "host": "examplebucket.s3.amazonaws.com",
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-amz-date": "20130524T000000Z",
    }

    signed = authorization(
        Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        "us-east-1",
        method,
        encoded(path, safe="/"),
        canonical_query(query),
        {each: value.encode() for each, value in (always | headers).items()},
    )

    assert signed.endswith(f"Signature={signature}")


def test_random_requests_are_signed_as_botocore_signs_them() -> None:
    rng = random.Random(1)
    keys = [*AWKWARD_KEYS.values(), ""]
    for number in range(REQUESTS):
        key = rng.choice(keys) if number % 2 else _text(rng, ALPHABET, 40)
        method, region = rng.choice(("GET", "HEAD", "PUT", "POST", "DELETE")), rng.choice(REGIONS)
        query = {
            _text(rng, ALPHABET, 12): _text(rng, ALPHABET, 30) for _ in range(rng.randrange(4))
        }
        headers = {
            f"x-amz-{name}": _text(rng, VALUES, 30)
            for name in rng.sample(("meta-a", "meta-b", "acl", "tagging", "copy-source"), 3)
        }
        headers |= {"user-agent": "s3-fanout", "expect": "100-continue", "range": "bytes=0-0"}
        body = rng.randbytes(rng.choice((0, 30)))
        token = _text(rng, "abyz059+/=", 60) if rng.random() < 0.5 else None
        secret = _text(rng, "abyz059+/", 40)
        path, query_string = "/" + encoded(key, safe="/"), canonical_query(query)
        theirs = AWSRequest(
            method,
            f"https://bucket.s3.{region}.amazonaws.com{path}?{query_string}",
            dict(headers),
            body,
        )
        S3SigV4Auth(BotocoreCredentials("AKID", secret, token), "s3", region).add_auth(theirs)
        assert path == "/" + quote(key, safe="/-._~")
        sent = {name.lower(): str(value).encode() for name, value in theirs.headers.items()}
        expected = sent.pop("authorization").decode()
        sent["host"] = f"bucket.s3.{region}.amazonaws.com".encode()

        signed = authorization(
            Credentials("AKID", secret, token), region, method, path, query_string, sent
        )

        assert signed == expected, (method, key, query, headers)


def _text(rng: random.Random, alphabet: str, most: int) -> str:
    return "".join(rng.choices(alphabet, k=rng.randrange(1, most)))
