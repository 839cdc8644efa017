# Where the events come from: a notification that the module owns, or whatever the user connects to a topic.

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

run "by_default_the_module_owns_topic_and_notification" {
  command = plan

  assert {
    condition = alltrue([
      for made in [aws_sns_topic.fanout, aws_sns_topic_policy.fanout, aws_s3_bucket_notification.source] : length(made) == 1
    ])
    error_message = "The bucket must notify the module's topic."
  }
}

run "a_module_topic_leaves_the_notification_alone" {
  command = plan

  variables {
    event_source = "module_topic"
  }

  assert {
    condition     = length(aws_sns_topic.fanout) == 1 && length(aws_s3_bucket_notification.source) == 0
    error_message = "The module must own the topic and not the notification."
  }

  assert {
    condition     = output.topic_arn == "arn:aws:sns:eu-central-1:111122223333:photos-fanout"
    error_message = "The output must name the topic to connect."
  }
}

run "a_module_topic_takes_events_of_the_bucket_and_of_this_account_s_rules" {
  command = plan

  variables {
    event_source = "module_topic"
  }

  assert {
    condition = jsondecode(aws_sns_topic_policy.fanout[0].policy) == jsondecode(jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "SourceBucketMayPublish"
          Effect    = "Allow"
          Principal = { Service = "s3.amazonaws.com" }
          Action    = "sns:Publish"
          Resource  = "arn:aws:sns:eu-central-1:111122223333:photos-fanout"
          Condition = {
            ArnEquals    = { "aws:SourceArn" = "arn:aws:s3:::photos" }
            StringEquals = { "aws:SourceAccount" = "111122223333" }
          }
        },
        {
          Sid       = "RulesMayPublish"
          Effect    = "Allow"
          Principal = { Service = "events.amazonaws.com" }
          Action    = "sns:Publish"
          Resource  = "arn:aws:sns:eu-central-1:111122223333:photos-fanout"
        },
        {
          Sid       = "DenyInsecureTransport"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sns:Publish"
          Resource  = "arn:aws:sns:eu-central-1:111122223333:photos-fanout"
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ]
    }))
    error_message = "The topic's policy is not what it should be."
  }
}

run "an_existing_topic_is_subscribed_to_and_nothing_else" {
  command = plan

  variables {
    event_source = "existing_topic"
    topic_arn    = "arn:aws:sns:eu-central-1:111122223333:events-of-photos"
  }

  assert {
    condition = alltrue([
      for made in [aws_sns_topic.fanout, aws_sns_topic_policy.fanout, aws_s3_bucket_notification.source] : length(made) == 0
    ])
    error_message = "Nothing of the topic, its policy or the notification may be made."
  }

  assert {
    condition = (
      output.topic_arn == "arn:aws:sns:eu-central-1:111122223333:events-of-photos"
      && alltrue([for subscription in aws_sns_topic_subscription.destination : subscription.topic_arn == output.topic_arn])
      && aws_lambda_permission.topic["direct"].source_arn == output.topic_arn
      && alltrue(flatten([for queues in [aws_sqs_queue.work, aws_sqs_queue.undelivered] : [for queue in queues :
        jsondecode(queue.policy).Statement[0].Condition.ArnEquals["aws:SourceArn"] == output.topic_arn
      ]]))
    )
    error_message = "Subscriptions, permissions and queues must be for the topic given."
  }

  assert {
    condition     = aws_lambda_function.replicate["plain"].function_name == "photos-fanout-plain"
    error_message = "Names must still follow the source bucket."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.shared["events-lost"].dimensions == tomap({ TopicName = "events-of-photos" })
    error_message = "The alarm must watch the topic given."
  }
}

run "region_account_and_partition_are_those_of_an_existing_topic" {
  command = plan

  variables {
    event_source = "existing_topic"
    topic_arn    = "arn:aws-us-gov:sns:us-gov-west-1:444455556666:photos"
  }

  assert {
    condition = (
      jsondecode(aws_lambda_function.replicate["plain"].environment[0].variables.SOURCE) == {
        account_id = "444455556666"
        bucket     = "photos"
        region     = "us-gov-west-1"
      }
      && jsondecode(aws_iam_role_policy.replicate["plain"].policy).Statement[0].Resource == ["arn:aws-us-gov:s3:::photos/*"]
      && jsondecode(aws_sqs_queue.work["plain"].policy).Statement[*].Resource == [
        "arn:aws-us-gov:sqs:us-gov-west-1:444455556666:photos-fanout-plain",
        "arn:aws-us-gov:sqs:us-gov-west-1:444455556666:photos-fanout-plain",
      ]
    )
    error_message = "The ARN of the topic must say where everything is."
  }
}

run "prefixes_are_compared_in_both_places_if_events_may_be_eventbridge_s" {
  command = plan

  variables {
    event_source = "module_topic"
    destinations = {
      every = { bucket = "photos-a" }
      some  = { bucket = "photos-b", prefixes = ["my photos/", "été/"] }
      tilde = { bucket = "photos-c", prefixes = ["a~b/"] }
      home  = { bucket = "photos-d", prefixes = ["~home/"] }
    }
  }

  assert {
    condition     = alltrue([for key in ["every", "home"] : aws_sns_topic_subscription.destination[key].filter_policy == null])
    error_message = "If every key is wanted, or one of the places cannot be compared, there must be no filter."
  }

  assert {
    condition = jsondecode(aws_sns_topic_subscription.destination["some"].filter_policy) == jsondecode(jsonencode({ "$or" = [
      { Records = { s3 = { object = { key = [{ prefix = "my+photos/" }, { prefix = "my%20photos/" }, { prefix = "%C3%A9t%C3%A9/" }] } } } },
      { detail = { object = { key = [{ prefix = "my photos/" }, { prefix = "été/" }] } } },
    ] }))
    error_message = "Keys are form-encoded in notifications and plain in EventBridge's events."
  }

  assert {
    condition = jsondecode(aws_sns_topic_subscription.destination["tilde"].filter_policy)["$or"][1].detail.object.key == [
      { prefix = "a~b/" },
    ]
    error_message = "In a plain key nothing is in doubt."
  }
}

run "as_many_prefixes_as_sns_takes_in_both_places" {
  command = plan

  variables {
    event_source = "existing_topic"
    topic_arn    = "arn:aws:sns:eu-central-1:111122223333:photos"
    destinations = {
      a = { bucket = "photos-a", prefixes = [for i in range(21) : "${i}/"] }
      b = { bucket = "photos-b", prefixes = [for i in range(13) : "${i} /"] }
    }
  }

  # Values times depth, and alternatives add up.
  assert {
    condition = alltrue([for subscription in aws_sns_topic_subscription.destination : (
      length(jsondecode(subscription.filter_policy)["$or"][0].Records.s3.object.key) * 4
      + length(jsondecode(subscription.filter_policy)["$or"][1].detail.object.key) * 3
    ) <= 150])
    error_message = "SNS takes 150 combinations."
  }
}
