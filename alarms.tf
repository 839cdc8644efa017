# Each alarm watches one metric ($0.10 a month), and its description names its runbook.

locals {
  metric_namespace = "S3Fanout" # as the function writes it

  # What alarms are about: each destination by its key, and what they share by "". With the dimensions of its
  # metrics.
  alarm_targets = merge(
    { for key, d in var.destinations : key => {
      name   = local.names[key]
      bucket = d.bucket
      tags   = local.tags[key]
      dimensions = {
        work_queue        = { QueueName = local.queue_names[key].work }
        dead_letter_queue = { QueueName = local.queue_names[key].dead_letter }
        undelivered_queue = { QueueName = local.queue_names[key].undelivered }
        function          = { FunctionName = local.function_names[key] }
        destination       = { SourceBucket = var.source_bucket, Destination = key }
      }
    } },
    { "" = {
      name   = local.name
      bucket = var.source_bucket
      tags   = var.tags
      dimensions = {
        topic     = { TopicName = try(split(":", local.topic_arn)[5], local.topic_arn) }
        reconcile = { FunctionName = local.reconcile_name }
      }
    } },
  )

  # All alarms, by the ending of their names. In a description %s is the bucket. The runbook is a heading of
  # docs/operations.md, as an anchor.
  alarms = {
    dead-letters = {
      of                 = "dead_letter_queue"
      namespace          = "AWS/SQS"
      metric_name        = "ApproximateNumberOfMessagesVisible"
      statistic          = "Maximum"
      period             = 60
      evaluation_periods = 1
      threshold          = 0
      runbook            = "dead-letter-messages"
      description = join(" ", [
        "Objects were not replicated to %s and will not be without help:",
        "their events are in the dead-letter queue, each with its reason.",
      ])
    }

    # Failed attempts write this metric too, unlike the age below, which leaves out messages that were
    # received three times. A message is retried after at most 15 minutes, so a breach counts for 20.
    delay = {
      of                  = "destination"
      namespace           = local.metric_namespace
      metric_name         = "ReplicationLatency"
      statistic           = "Maximum"
      period              = 300
      evaluation_periods  = 4
      datapoints_to_alarm = 1
      threshold           = var.alarms.replication_delay_minutes * 60
      runbook             = "replication-is-late"
      description = join(" ", [
        "Objects reach %s more than ${var.alarms.replication_delay_minutes} minutes after they were written,",
        "or attempts at them go on failing.",
      ])
    }

    # Without an attempt no delay is measured.
    waiting = {
      of                 = "work_queue"
      namespace          = "AWS/SQS"
      metric_name        = "ApproximateAgeOfOldestMessage"
      statistic          = "Maximum"
      period             = 300
      evaluation_periods = 1
      threshold          = var.alarms.replication_delay_minutes * 60
      runbook            = "replication-is-late"
      description = join(" ", [
        "Events for %s wait in the queue for more than ${var.alarms.replication_delay_minutes} minutes;",
        "after seven days they are lost.",
      ])
    }

    # The function ends with an error if it was killed, ran out of time or could not start, and with direct
    # delivery also to send an event to the queue. Its message is retried within minutes, so only
    # errors that last mean something.
    errors = {
      of                 = "function"
      namespace          = "AWS/Lambda"
      metric_name        = "Errors"
      statistic          = "Sum"
      period             = 300
      evaluation_periods = 3
      threshold          = 0
      runbook            = "the-function-fails"
      description = join(" ", [
        "For 15 minutes the function that replicates to %s has been killed, run out of time,",
        "or not started.",
      ])
    }

    # A burst is throttled for a while, but not for 15 minutes.
    throttles = {
      of                 = "function"
      namespace          = "AWS/Lambda"
      metric_name        = "Throttles"
      statistic          = "Sum"
      period             = 300
      evaluation_periods = 3
      threshold          = 0
      runbook            = "the-function-is-throttled"
      description = join(" ", [
        "The function that replicates to %s has been throttled for 15 minutes:",
        "the account's concurrency is used up.",
      ])
    }

    # Also without replicate_deletes: its value may be unknown before the apply, and which alarms there are
    # must not depend on it.
    deletes = {
      of                 = "destination"
      namespace          = local.metric_namespace
      metric_name        = "DeletesReplicated"
      statistic          = "Sum"
      period             = 60
      evaluation_periods = 1
      threshold          = var.alarms.deletes_per_minute
      runbook            = "many-deletes"
      description = join(" ", [
        "More than ${var.alarms.deletes_per_minute} replicas a minute are deleted from %s,",
        "because their objects were deleted from ${var.source_bucket}.",
      ])
    }

    undelivered = {
      of                 = "undelivered_queue"
      namespace          = "AWS/SQS"
      metric_name        = "ApproximateNumberOfMessagesVisible"
      statistic          = "Maximum"
      period             = 60
      evaluation_periods = 1
      threshold          = 0
      runbook            = "undelivered-events"
      description        = "SNS could not deliver events for %s; they are in the queue of undelivered events."
    }

    # Not AsyncEventsDropped, which also counts the failed events that Lambda sent to the queue.
    direct-losses = {
      of                 = "function"
      namespace          = "AWS/Lambda"
      metric_name        = "DestinationDeliveryFailures"
      statistic          = "Sum"
      period             = 60
      evaluation_periods = 1
      threshold          = 0
      runbook            = "lost-events"
      description        = "Lambda could not hand failed events for %s to the queue: they are lost."
    }

    events-lost = {
      of                 = "topic"
      namespace          = "AWS/SNS"
      metric_name        = "NumberOfNotificationsFailedToRedriveToDlq"
      statistic          = "Sum"
      period             = 60
      evaluation_periods = 1
      threshold          = 0
      runbook            = "lost-events"
      description = join(" ", [
        "SNS could deliver events of %s neither to a destination nor to its queue of undelivered events:",
        "they are lost.",
      ])
    }

    # Whoever starts a run by hand reads its result; nobody reads that of a scheduled one.
    reconcile-errors = {
      of                 = "reconcile"
      namespace          = "AWS/Lambda"
      metric_name        = "Errors"
      statistic          = "Sum"
      period             = 300
      evaluation_periods = 1
      threshold          = 0
      runbook            = "reconcile-fails"
      description        = "A run that compares destinations with %s ended with an error."
    }
  }

  shared_alarms = concat(["events-lost"], var.reconcile.schedule == null ? [] : ["reconcile-errors"])
  direct_alarms = ["direct-losses"]
  queue_alarms  = setsubtract(keys(local.alarms), concat(["events-lost", "reconcile-errors"], local.direct_alarms))

  # The values are small because Terraform evaluates for_each again for every alarm.
  alarm_instances = merge(
    { for alarm in local.shared_alarms : alarm => { target = "", alarm = alarm } if var.alarms.enabled },
    [for key, d in var.destinations : {
      for alarm in setunion(local.queue_alarms, d.delivery == "direct" ? local.direct_alarms : []) :
      "${key}/${alarm}" => { target = key, alarm = alarm } if var.alarms.enabled
    }]...
  )
}

resource "aws_cloudwatch_metric_alarm" "fanout" {
  for_each = local.alarm_instances

  alarm_name = "${local.alarm_targets[each.value.target].name}-${each.value.alarm}"
  alarm_description = join(" ", [
    format(local.alarms[each.value.alarm].description, local.alarm_targets[each.value.target].bucket),
    "See ${var.alarms.runbook_url}#${local.alarms[each.value.alarm].runbook}",
  ])
  namespace           = local.alarms[each.value.alarm].namespace
  metric_name         = local.alarms[each.value.alarm].metric_name
  dimensions          = local.alarm_targets[each.value.target].dimensions[local.alarms[each.value.alarm].of]
  statistic           = local.alarms[each.value.alarm].statistic
  period              = local.alarms[each.value.alarm].period
  evaluation_periods  = local.alarms[each.value.alarm].evaluation_periods
  datapoints_to_alarm = lookup(local.alarms[each.value.alarm], "datapoints_to_alarm", null)
  comparison_operator = "GreaterThanThreshold"
  threshold           = local.alarms[each.value.alarm].threshold
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = local.alarm_targets[each.value.target].tags

  # Metrics that are written only when something happens are missing while all is well. SQS also stops
  # writing those of a queue after six hours without a receive, with messages in it (SQS Developer Guide,
  # "Available CloudWatch metrics for Amazon SQS"): then the alarm keeps its state.
  treat_missing_data = local.alarms[each.value.alarm].namespace == "AWS/SQS" ? "ignore" : "notBreaching"
}
