"""AWS's list prices in us-east-1 on 22 November 2026, each with its page and what it rests on.

The first tier is taken, and no free tier: the free ones are gone after a million objects.
"""

from __future__ import annotations

from dataclasses import dataclass

REGION = "us-east-1"

MILLION = 1_000_000

OFFERS = "us-east-1 offer file of the Price List API, published 31 August 2026, as quoted by others"
NOT_CHECKED = "not checked: no copy of the page with this price was found"


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit of something costs.

    Attributes:
        usd: for ``units`` of it.
        page: where AWS says so.
        rests_on: where the figure here is from.
    """

    what: str
    usd: float
    units: float
    unit: str
    page: str
    rests_on: str

    @property
    def each(self) -> float:
        """Dollars for one unit."""
        return self.usd / self.units


S3_PAGE = "https://aws.amazon.com/s3/pricing/"
SNS_PAGE = "https://aws.amazon.com/sns/pricing/"
SQS_PAGE = "https://aws.amazon.com/sqs/pricing/"
LAMBDA_PAGE = "https://aws.amazon.com/lambda/pricing/"
LOGS_PAGE = "https://aws.amazon.com/cloudwatch/pricing/"

S3_WRITE = Price(
    "S3: PUT, COPY, POST or LIST request, parts of an upload too",
    5.00,
    MILLION,
    "requests",
    S3_PAGE,
    f"`Requests-Tier1`, {OFFERS}",
)
S3_READ = Price(
    "S3: GET, HEAD or any other request", 0.40, MILLION, "requests", S3_PAGE,
    f"`Requests-Tier2`, {OFFERS}",
)  # fmt: skip
S3_REPLICATION_TIME_CONTROL = Price(
    "S3 Replication Time Control", 0.015, 1, "GB", S3_PAGE,
    "`S3RTC-Out-Bytes`, Price List API, as quoted by others in 2026",
)  # fmt: skip
TRANSFER = Price(
    "Transfer to another region of the USA or to Europe", 0.02, 1, "GB", S3_PAGE,
    f"`USE1-USW2-AWS-Out-Bytes`, {OFFERS}; 0.01 to us-east-2",
)  # fmt: skip
SNS_PUBLISH = Price(
    "SNS: message published (each 64 KB)", 0.50, MILLION, "messages", SNS_PAGE,
    "`Requests-Tier1`, Price List API, as quoted by others; deliveries to SQS and Lambda are free",
)  # fmt: skip
SNS_FILTER = Price(
    "SNS: payload examined by a filter policy on the message body", 0.09, 1, "GB", SNS_PAGE,
    f"{NOT_CHECKED}; that it is charged by the GB, matching or not, is in public notes on the page",
)  # fmt: skip
SQS_REQUEST = Price(
    "SQS: request (each 64 KB; up to 10 messages), SNS's sends too", 0.40, MILLION, "requests",
    SQS_PAGE, "`Requests-RBP`, Price List API, as quoted by others in 2026",
)  # fmt: skip
LAMBDA_REQUEST = Price(
    "Lambda: request", 0.20, MILLION, "requests", LAMBDA_PAGE, f"`Request`, {OFFERS}"
)
LAMBDA_TIME = {
    "arm64": Price(
        "Lambda: GB-second on arm64", 0.0000133334, 1, "GB-s", LAMBDA_PAGE,
        f"`Lambda-GB-Second-ARM`, {OFFERS}",
    ),
    "x86_64": Price(
        "Lambda: GB-second on x86_64", 0.0000166667, 1, "GB-s", LAMBDA_PAGE,
        f"`Lambda-GB-Second`, {OFFERS}",
    ),
}  # fmt: skip
LOG_INGESTION = Price(
    "CloudWatch Logs: ingestion of a function's log", 0.50, 1, "GB", LOGS_PAGE,
    "AWS Compute Blog of 1 May 2025, first 10 TB a month, as quoted by others",
)  # fmt: skip

ALL = [
    S3_WRITE,
    S3_READ,
    S3_REPLICATION_TIME_CONTROL,
    TRANSFER,
    SNS_PUBLISH,
    SNS_FILTER,
    SQS_REQUEST,
    LAMBDA_REQUEST,
    *LAMBDA_TIME.values(),
    LOG_INGESTION,
]
