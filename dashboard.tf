# Delay, throughput, backlog and failures.

locals {
  # A search finds the metrics of every destination and of every reason that occurred, in a text of the same
  # length however many there are.
  searches = { for name, of in {
    latency = { metric = "ReplicationLatency", dimensions = "Destination,SourceBucket" }
    bytes   = { metric = "BytesReplicated", dimensions = "Destination,SourceBucket" }
    deletes = { metric = "DeletesReplicated", dimensions = "Destination,SourceBucket" }
    failed  = { metric = "FailedAttempts", dimensions = "Destination,Reason,SourceBucket" }
    } : name => join(" ", [
      "SEARCH('{${local.metric_namespace},${of.dimensions}} MetricName=\"${of.metric}\" SourceBucket=\"${var.source_bucket}\"',",
      "'%s', 60)",
  ]) }

  # Metrics of SQS and Lambda are named one by one, because a search would also find other queues with similar
  # names. A widget shows up to 500.
  dashboard_chunks = chunklist(keys(var.destinations), 100)

  dashboard_searches = [
    {
      title = "Delay in seconds, by destination"
      lines = [for percentile in ["p50", "p90", "p99"] : {
        expression = format(local.searches.latency, percentile)
        label      = "$${PROP('Dim.Destination')} ${percentile}"
      }]
    },
    {
      title = "Failed attempts a minute, by reason"
      lines = [{ expression = format(local.searches.failed, "Sum"), label = "$${PROP('Dim.Destination')} $${PROP('Dim.Reason')}" }]
    },
    {
      title = "Objects a minute"
      lines = [{ expression = format(local.searches.bytes, "SampleCount"), label = "$${PROP('Dim.Destination')}" }]
    },
    {
      title = "Bytes a minute"
      lines = [{ expression = format(local.searches.bytes, "Sum"), label = "$${PROP('Dim.Destination')}" }]
    },
    {
      title = "Deletes a minute"
      lines = [{ expression = format(local.searches.deletes, "Sum"), label = "$${PROP('Dim.Destination')}" }]
    },
  ]

  dashboard_metrics = [
    {
      title = "Waiting events, and those in flight"
      stat  = "Maximum"
      metrics = { for key, names in local.queue_names : key => [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", names.work, { label = key }],
        ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", names.work, { label = "${key} in flight" }],
      ] }
    },
    {
      title = "Age of the oldest waiting event in seconds"
      stat  = "Maximum"
      metrics = { for key, names in local.queue_names : key => [
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", names.work, { label = key }],
      ] }
    },
    {
      title = "Dead-letter messages and undelivered events"
      stat  = "Maximum"
      metrics = { for key, names in local.queue_names : key => [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", names.dead_letter, { label = key }],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", names.undelivered, { label = "${key} undelivered" }],
      ] }
    },
    {
      title = "Concurrent executions of the functions"
      stat  = "Maximum"
      metrics = { for key, name in local.function_names : key => [
        ["AWS/Lambda", "ConcurrentExecutions", "FunctionName", name, { label = key }],
      ] }
    },
    {
      title = "Errors and throttles of the functions"
      stat  = "Sum"
      metrics = { for key, name in local.function_names : key => [
        ["AWS/Lambda", "Errors", "FunctionName", name, { label = "${key} errors" }],
        ["AWS/Lambda", "Throttles", "FunctionName", name, { label = "${key} throttles" }],
      ] }
    },
  ]

  dashboard_widgets = concat(
    [for widget in local.dashboard_searches : {
      type   = "metric"
      width  = 12
      height = 6
      properties = {
        title   = widget.title
        region  = local.region
        view    = "timeSeries"
        metrics = [for n, line in widget.lines : [merge(line, { id = "e${n}" })]]
        yAxis   = { left = { min = 0 } }
      }
    }],
    flatten([for widget in local.dashboard_metrics : [for keys in local.dashboard_chunks : {
      type   = "metric"
      width  = 12
      height = 6
      properties = {
        title   = widget.title
        region  = local.region
        view    = "timeSeries"
        stat    = widget.stat
        period  = 60
        metrics = concat([for key in keys : widget.metrics[key]]...)
        yAxis   = { left = { min = 0 } }
      }
    }]]),
  )
}

resource "aws_cloudwatch_dashboard" "fanout" {
  count = var.dashboard ? 1 : 0

  dashboard_name = local.name
  dashboard_body = jsonencode({ widgets = local.dashboard_widgets })
}
