# Alarms, dashboard, replication log: what each makes, and that it makes nothing when it is off.

mock_provider "aws" {
  source = "./tests/plan/known"
}

variables {
  source_bucket = "photos"
  destinations = {
    plain  = { bucket = "photos-plain" }
    direct = { bucket = "photos-direct", delivery = "direct" }
  }
}

run "alarms_are_on_and_the_rest_is_off_unless_asked_for" {
  command = plan

  assert {
    condition = setunion(keys(aws_cloudwatch_metric_alarm.destination), keys(aws_cloudwatch_metric_alarm.shared)) == toset(concat(
      flatten([for key in ["direct", "plain"] : [
        for alarm in ["dead-letters", "delay", "waiting", "errors", "throttles", "deletes", "undelivered"] : "${key}/${alarm}"
      ]]),
      ["direct/direct-losses", "events-lost"],
    ))
    error_message = "Each destination must have its alarms, and the topic one; reconcile needs a schedule for one."
  }

  assert {
    condition     = length(aws_cloudwatch_dashboard.fanout) == 0 && output.dashboard_name == null
    error_message = "A dashboard must not be made unless it is asked for."
  }

  assert {
    condition     = length(aws_dynamodb_table.replication_log) == 0 && output.replication_log_table_name == null
    error_message = "A table must not be made unless it is asked for."
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.replicate : function.environment[0].variables.REPLICATION_LOG == "null"])
    error_message = "Functions must know that there is no table."
  }

  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.replicate : !strcontains(policy.policy, "dynamodb")])
    error_message = "Without a table there must be no permission for one."
  }
}

run "without_alarms_there_are_none" {
  command = plan

  variables {
    alarms    = { enabled = false }
    reconcile = { schedule = "rate(1 day)" }
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.destination) == 0 && length(aws_cloudwatch_metric_alarm.shared) == 0
    error_message = "Alarms that are off must not be made."
  }
}

run "alarms_watch_what_their_names_say" {
  command = plan

  variables {
    alarms    = { actions = ["arn:aws:sns:eu-central-1:111122223333:on-call"], replication_delay_minutes = 5, deletes_per_minute = 7 }
    reconcile = { schedule = "rate(1 day)" }
  }

  assert {
    # Of so many periods how many must breach, and how long each is.
    condition = {
      for alarm in concat(values(aws_cloudwatch_metric_alarm.destination), values(aws_cloudwatch_metric_alarm.shared)) :
      alarm.alarm_name => join(" ", concat(
        [alarm.statistic, alarm.namespace, alarm.metric_name], values(alarm.dimensions), [">", alarm.threshold],
        ["${coalesce(alarm.datapoints_to_alarm, alarm.evaluation_periods)}/${alarm.evaluation_periods}", "${alarm.period}s"],
      ))
      } == {
      photos-fanout-plain-dead-letters   = "Maximum AWS/SQS ApproximateNumberOfMessagesVisible photos-fanout-plain-dead-letter > 0 1/1 60s"
      photos-fanout-plain-delay          = "Maximum S3Fanout ReplicationLatency plain photos > 300 1/4 300s"
      photos-fanout-plain-waiting        = "Maximum AWS/SQS ApproximateAgeOfOldestMessage photos-fanout-plain > 300 1/1 300s"
      photos-fanout-plain-errors         = "Sum AWS/Lambda Errors photos-fanout-plain > 0 1/1 300s"
      photos-fanout-plain-throttles      = "Sum AWS/Lambda Throttles photos-fanout-plain > 0 3/3 300s"
      photos-fanout-plain-deletes        = "Sum S3Fanout DeletesReplicated plain photos > 7 1/1 60s"
      photos-fanout-plain-undelivered    = "Maximum AWS/SQS ApproximateNumberOfMessagesVisible photos-fanout-plain-undelivered > 0 1/1 60s"
      photos-fanout-direct-dead-letters  = "Maximum AWS/SQS ApproximateNumberOfMessagesVisible photos-fanout-direct-dead-letter > 0 1/1 60s"
      photos-fanout-direct-delay         = "Maximum S3Fanout ReplicationLatency direct photos > 300 1/4 300s"
      photos-fanout-direct-waiting       = "Maximum AWS/SQS ApproximateAgeOfOldestMessage photos-fanout-direct > 300 1/1 300s"
      photos-fanout-direct-errors        = "Sum AWS/Lambda Errors photos-fanout-direct > 0 3/3 300s"
      photos-fanout-direct-throttles     = "Sum AWS/Lambda Throttles photos-fanout-direct > 0 3/3 300s"
      photos-fanout-direct-deletes       = "Sum S3Fanout DeletesReplicated direct photos > 7 1/1 60s"
      photos-fanout-direct-undelivered   = "Maximum AWS/SQS ApproximateNumberOfMessagesVisible photos-fanout-direct-undelivered > 0 1/1 60s"
      photos-fanout-direct-direct-losses = "Sum AWS/Lambda DestinationDeliveryFailures photos-fanout-direct > 0 1/1 60s"
      photos-fanout-events-lost          = "Sum AWS/SNS NumberOfNotificationsFailedToRedriveToDlq photos-fanout > 0 1/1 60s"
      photos-fanout-reconcile-errors     = "Sum AWS/Lambda Errors photos-fanout-reconcile > 0 1/1 300s"
    }
    error_message = "Each alarm must watch its destination's own metric."
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.destination), values(aws_cloudwatch_metric_alarm.shared)) :
      alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:111122223333:on-call"]) && alarm.ok_actions == alarm.alarm_actions
    ])
    error_message = "Every alarm must notify when it goes off and when it is over."
  }

  assert {
    condition = alltrue([for key, alarm in aws_cloudwatch_metric_alarm.destination :
      strcontains(alarm.alarm_description, "photos-${split("/", key)[0]}") && strcontains(alarm.alarm_description, "docs/operations.md")
    ])
    error_message = "Every description must name the destination's bucket and the runbook."
  }
}

run "a_queue_that_sqs_takes_for_inactive_keeps_its_alarm" {
  command = plan

  variables {
    reconcile = { schedule = "rate(1 day)" }
  }

  assert {
    condition = alltrue([
      for alarm in concat(values(aws_cloudwatch_metric_alarm.destination), values(aws_cloudwatch_metric_alarm.shared)) :
      alarm.treat_missing_data == (startswith(alarm.metric_name, "Approximate") ? "ignore" : "notBreaching")
    ])
    error_message = "What is in a queue must not be forgotten without a metric; elsewhere no metric means that nothing is wrong."
  }
}

run "the_replication_log_is_a_table_that_functions_may_write_to" {
  command = plan

  variables {
    replication_log = { enabled = true, retention_days = 7 }
  }

  assert {
    condition = (
      aws_dynamodb_table.replication_log[0].name == "photos-fanout-replication-log"
      && aws_dynamodb_table.replication_log[0].billing_mode == "PAY_PER_REQUEST"
      && aws_dynamodb_table.replication_log[0].hash_key == "key" && aws_dynamodb_table.replication_log[0].range_key == "destination"
      && aws_dynamodb_table.replication_log[0].ttl[0].attribute_name == "expires_at" && aws_dynamodb_table.replication_log[0].ttl[0].enabled
    )
    error_message = "The table must have an item for each key and destination, which expires."
  }

  assert {
    condition = alltrue([for index in aws_dynamodb_table.replication_log[0].global_secondary_index :
    index.name == "failures" && index.hash_key == "destination" && index.range_key == "failed_at" && index.projection_type == "ALL"])
    error_message = "The index must hold a destination's failures by their time."
  }

  assert {
    condition = alltrue([for function in aws_lambda_function.replicate :
    function.environment[0].variables.REPLICATION_LOG == jsonencode({ retention_days = 7, table_name = "photos-fanout-replication-log" })])
    error_message = "Functions must know the table."
  }

  assert {
    condition = alltrue([for policy in aws_iam_role_policy.replicate : [
      for statement in jsondecode(policy.policy).Statement : jsonencode(statement) if statement.Sid == "WriteReplicationLog"
      ] == [jsonencode({
        Action   = ["dynamodb:PutItem"]
        Effect   = "Allow"
        Resource = ["arn:aws:dynamodb:eu-central-1:111122223333:table/photos-fanout-replication-log"]
        Sid      = "WriteReplicationLog"
    })]])
    error_message = "Functions must be allowed to write items of this table, and nothing else."
  }

  assert {
    condition     = output.replication_log_table_name == "photos-fanout-replication-log"
    error_message = "The output must name the table."
  }
}

run "the_dashboard_shows_every_destination" {
  command = plan

  variables {
    dashboard = true
  }

  assert {
    condition     = output.dashboard_name == "photos-fanout"
    error_message = "The output must name the dashboard."
  }

  assert {
    condition = [for widget in jsondecode(aws_cloudwatch_dashboard.fanout[0].dashboard_body).widgets : widget.properties.title] == [
      "Delay in seconds, by destination",
      "Failed attempts a minute, by reason",
      "Objects a minute",
      "Bytes a minute",
      "Deletes a minute",
      "Waiting events, and those in flight",
      "Age of the oldest waiting event in seconds",
      "Dead-letter messages and undelivered events",
      "Concurrent executions of the functions",
      "Errors and throttles of the functions",
    ]
    error_message = "The dashboard must show delay, failures, throughput, backlog and functions."
  }

  assert {
    condition = [for line in jsondecode(aws_cloudwatch_dashboard.fanout[0].dashboard_body).widgets[0].properties.metrics : line[0]] == [
      for n, percentile in ["p50", "p90", "p99"] : {
        id = "e${n}"
        expression = join(" ", [
          "SEARCH('{S3Fanout,Destination,SourceBucket} MetricName=\"ReplicationLatency\" SourceBucket=\"photos\"',",
          "'${percentile}', 60)",
        ])
        label = "$${PROP('Dim.Destination')} ${percentile}"
      }
    ]
    error_message = "Delays must be shown as percentiles."
  }
}

# A plan with hundreds of destinations takes minutes, so that the limits are worked out from a few.
run "the_dashboard_of_many_destinations_keeps_to_the_limits_of_cloudwatch" {
  command = plan

  variables {
    dashboard    = true
    alarms       = { enabled = false }
    destinations = { for n in range(10) : "d${n}" => { bucket = "photos-${n}" } }
  }

  assert {
    condition = alltrue([for widget in jsondecode(aws_cloudwatch_dashboard.fanout[0].dashboard_body).widgets :
    length(widget.properties.metrics) <= max(3, 2 * 10)])
    error_message = "A widget has up to two metrics for each of up to 100 destinations: CloudWatch shows 500."
  }

  assert {
    condition = sum([for widget in jsondecode(aws_cloudwatch_dashboard.fanout[0].dashboard_body).widgets :
      length(widget.properties.metrics)
    ]) <= 7 + 8 * 10
    error_message = "A dashboard has eight metrics for each destination besides its searches: CloudWatch shows 2,500."
  }
}
