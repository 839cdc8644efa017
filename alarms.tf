# When to tell somebody. Each alarm is on one metric ($0.10 a month) and says where its runbook is.
# A metric that is written only when something happens counts as fine while it is missing. Those of a
# queue are also missing once SQS takes the queue for inactive, after six hours in which nobody asked for
# its messages and with them still in it (SQS Developer Guide, "Available CloudWatch metrics for Amazon
# SQS"): there the alarm stays as it is.

locals {
  alarmed = { for key, d in var.destinations : key => d if var.alarms.enabled }

  # As the function writes them.
  metric_namespace  = "S3Fanout"
  metric_dimensions = { for key in keys(var.destinations) : key => { SourceBucket = var.source_bucket, Destination = key } }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = local.alarmed

  alarm_name          = "${local.names[each.key]}-dead-letters"
  alarm_description   = "Objects were not replicated to ${each.value.bucket} and will not be without help: their events are in the dead-letter queue, each with its reason. See docs/operations.md, \"Dead letters\"."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = local.queue_names[each.key].dead_letter }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "ignore"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags
}

# Written by every attempt, also one that failed: SQS leaves messages that were received three times out
# of the age below. A message that is held back comes again after at most 15 minutes, so that a breach
# is remembered for 20.
resource "aws_cloudwatch_metric_alarm" "delay" {
  for_each = local.alarmed

  alarm_name          = "${local.names[each.key]}-delay"
  alarm_description   = "Objects reach ${each.value.bucket} more than ${var.alarms.replication_delay_minutes} minutes after they were written, or attempts at them go on failing. See docs/operations.md, \"Replication is late\"."
  namespace           = local.metric_namespace
  metric_name         = "ReplicationLatency"
  dimensions          = local.metric_dimensions[each.key]
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 4
  datapoints_to_alarm = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarms.replication_delay_minutes * 60
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags
}

# For events that nobody works on: no attempt, no delay measured.
resource "aws_cloudwatch_metric_alarm" "waiting" {
  for_each = local.alarmed

  alarm_name          = "${local.names[each.key]}-waiting"
  alarm_description   = "Events for ${each.value.bucket} wait in the queue for more than ${var.alarms.replication_delay_minutes} minutes; after seven days they are lost. See docs/operations.md, \"Replication is late\"."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = local.queue_names[each.key].work }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarms.replication_delay_minutes * 60
  treat_missing_data  = "ignore"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags
}

# In the queue lane the function ends with an error only when it was killed, ran out of time or could
# not start. In the direct lane an error is how an event gets into the queue, and only errors without
# end mean something.
resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each = local.alarmed

  alarm_name          = "${local.names[each.key]}-errors"
  alarm_description   = "The function that replicates to ${each.value.bucket} is killed, runs out of time or does not start. See docs/operations.md, \"The function fails\"."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = local.names[each.key] }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = each.value.delivery == "direct" ? 3 : 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags
}

# A burst is throttled and waits. A quarter of an hour of it is no burst.
resource "aws_cloudwatch_metric_alarm" "throttles" {
  for_each = local.alarmed

  alarm_name          = "${local.names[each.key]}-throttles"
  alarm_description   = "The function that replicates to ${each.value.bucket} has been throttled for 15 minutes: the account's concurrency is used up. See docs/operations.md, \"The function is throttled\"."
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = local.names[each.key] }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags
}

# Also where replicate_deletes is false and the metric never written: the value may not be known before
# the apply, and what is made may not depend on it.
resource "aws_cloudwatch_metric_alarm" "deletes" {
  for_each = local.alarmed

  alarm_name          = "${local.names[each.key]}-deletes"
  alarm_description   = "More than ${var.alarms.deletes_per_minute} replicas a minute are deleted from ${each.value.bucket}, because their objects were deleted from ${var.source_bucket}. See docs/operations.md, \"Many deletes\"."
  namespace           = local.metric_namespace
  metric_name         = "DeletesReplicated"
  dimensions          = local.metric_dimensions[each.key]
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.alarms.deletes_per_minute
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  for_each = local.alarmed

  alarm_name          = "${local.names[each.key]}-undelivered"
  alarm_description   = "SNS could not deliver events for ${each.value.bucket}; they are in the queue of undelivered events. See docs/operations.md, \"Undelivered events\"."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = local.queue_names[each.key].undelivered }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "ignore"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags
}

# AsyncEventsDropped is no loss here: it counts every failed event, after Lambda has handed it to the
# queue. This is when it could not.
resource "aws_cloudwatch_metric_alarm" "direct_losses" {
  for_each = { for key, d in local.alarmed : key => d if d.delivery == "direct" }

  alarm_name          = "${local.names[each.key]}-direct-losses"
  alarm_description   = "Lambda could not hand failed events for ${each.value.bucket} to the queue: they are lost. See docs/operations.md, \"Lost events\"."
  namespace           = "AWS/Lambda"
  metric_name         = "DestinationDeliveryFailures"
  dimensions          = { FunctionName = local.names[each.key] }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags
}

# Nobody looks at what a scheduled run answers.
resource "aws_cloudwatch_metric_alarm" "reconcile_errors" {
  count = var.alarms.enabled && var.reconcile.schedule != null ? 1 : 0

  alarm_name          = "${local.reconcile_name}-errors"
  alarm_description   = "A run that compares destinations with ${var.source_bucket} ended with an error. See docs/operations.md, \"Reconcile fails\"."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = local.reconcile_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags
}

resource "aws_cloudwatch_metric_alarm" "events_lost" {
  count = var.alarms.enabled ? 1 : 0

  alarm_name          = "${local.name}-events-lost"
  alarm_description   = "SNS could deliver events of ${var.source_bucket} neither to a destination nor to its queue of undelivered events: they are lost. See docs/operations.md, \"Lost events\"."
  namespace           = "AWS/SNS"
  metric_name         = "NumberOfNotificationsFailedToRedriveToDlq"
  dimensions          = { TopicName = local.arn[5] }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarms.actions
  ok_actions          = var.alarms.actions
  tags                = var.tags
}
