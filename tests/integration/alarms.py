"""Alarms without the wait: what CloudWatch would say of one, given the metrics that were recorded."""

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

COMPARED = {"GreaterThanThreshold": float.__gt__}


def state(cloudwatch: Any, alarm: dict[str, Any], now: datetime) -> str:
    """The state an alarm that was ``OK`` has at a time.

    Of its last N periods M must breach (User Guide, "Alarm evaluation"). A missing one counts as
    ``TreatMissingData`` says; with ``ignore`` an alarm without any data stays as it was.

    Args:
        cloudwatch: the client to read metrics with.
        alarm: as DescribeAlarms gives it, or as it was planned, in the same words.
        now: the end of the last period.
    """
    count, period = alarm["EvaluationPeriods"], alarm["Period"]
    needed = alarm.get("DatapointsToAlarm", count)
    breaching = {"breaching": True, "notBreaching": False}.get(alarm["TreatMissingData"])
    found = [_value(cloudwatch, alarm, now - timedelta(seconds=period * n)) for n in range(count)]
    breaches = [
        breaching
        if value is None
        else COMPARED[alarm["ComparisonOperator"]](float(value), float(alarm["Threshold"]))
        for value in found
    ]
    return "ALARM" if breaches.count(True) >= needed else "OK"


def _value(cloudwatch: Any, alarm: dict[str, Any], end: datetime) -> float | None:
    """The alarm's statistic over one period; None when there is no data."""
    query = {
        "Id": "value",
        "MetricStat": {
            "Metric": {name: alarm[name] for name in ("Namespace", "MetricName", "Dimensions")},
            "Period": alarm["Period"],
            "Stat": alarm["Statistic"],
        },
    }
    [result] = cloudwatch.get_metric_data(
        MetricDataQueries=[query], StartTime=end - timedelta(seconds=alarm["Period"]), EndTime=end
    )["MetricDataResults"]
    return next(iter(result["Values"]), None)


def publish_embedded_metrics(cloudwatch: Any, messages: Iterable[str]) -> int:
    """Do what CloudWatch Logs does, and the local AWS does not: read metrics out of log lines.

    Returns:
        How many values there were.
    """
    count = 0
    for message in messages:
        if not re.match(r'\{"_aws"', message):
            continue
        line = json.loads(message)
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for dimensions in directive["Dimensions"]:
                for metric in directive["Metrics"]:
                    target = line[metric["Name"]]
                    values = target if isinstance(target, list) else [target]
                    count += len(values)
                    cloudwatch.put_metric_data(
                        Namespace=directive["Namespace"],
                        MetricData=[
                            {
                                "MetricName": metric["Name"],
                                "Unit": metric["Unit"],
                                "Dimensions": [
                                    {"Name": name, "Value": line[name]} for name in dimensions
                                ],
                                "Timestamp": line["_aws"]["Timestamp"] / 1000,
                                "Values": values,
                            }
                        ],
                    )
    return count
