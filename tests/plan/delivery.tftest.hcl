# The two delivery modes: how events get from the topic to the function.

mock_provider "aws" {
  source = "./tests/plan/known"
}

variables {
  source_bucket = "photos"
  destinations = {
    queued        = { bucket = "photos-a" }
    queued-paused = { bucket = "photos-b", paused = true }
    direct        = { bucket = "photos-c", delivery = "direct" }
    direct-paused = { bucket = "photos-d", delivery = "direct", paused = true }
  }
  alarms = { enabled = false }
}

run "queued_events_wait_in_the_queue" {
  command = plan

  assert {
    condition = alltrue([for key in ["queued", "queued-paused"] :
    aws_sns_topic_subscription.destination[key].protocol == "sqs" && aws_sns_topic_subscription.destination[key].raw_message_delivery])
    error_message = "SNS must hand the plain event to the queue."
  }
}

run "direct_events_invoke_the_function" {
  command = plan

  assert {
    condition = alltrue([for key in ["direct", "direct-paused"] :
    aws_sns_topic_subscription.destination[key].protocol == "lambda" && !aws_sns_topic_subscription.destination[key].raw_message_delivery])
    error_message = "SNS must invoke the function."
  }

  assert {
    condition = (
      keys(aws_lambda_permission.topic) == ["direct", "direct-paused"]
      && keys(aws_lambda_function_event_invoke_config.direct) == ["direct", "direct-paused"]
    )
    error_message = "Only direct destinations need a permission and asynchronous settings."
  }

  assert {
    condition = alltrue([for permission in aws_lambda_permission.topic : (
      permission.principal == "sns.amazonaws.com" && permission.action == "lambda:InvokeFunction"
      && permission.source_arn == aws_sns_topic.fanout[0].arn
    )])
    error_message = "Only the topic may invoke the function."
  }
}

run "a_failed_event_goes_to_the_queue_at_once_with_direct_delivery" {
  command = plan

  assert {
    condition = alltrue([for config in aws_lambda_function_event_invoke_config.direct :
      config.destination_config[0].on_failure[0].destination == "arn:aws:sqs:eu-central-1:111122223333:work"
    ])
    error_message = "Lambda must send failed events to the queue."
  }

  assert {
    condition = alltrue([for config in aws_lambda_function_event_invoke_config.direct :
      config.maximum_retry_attempts == 0 && config.maximum_event_age_in_seconds == 300
    ])
    error_message = "Lambda must not retry by itself, nor keep events for hours."
  }

  assert {
    condition     = keys(aws_lambda_event_source_mapping.work) == ["direct", "direct-paused", "queued", "queued-paused"]
    error_message = "With both delivery modes the function must process the queue."
  }
}

run "a_failed_event_waits_until_its_last_copy_has_landed_with_direct_delivery" {
  command = plan

  assert {
    condition = { for key, queue in aws_sqs_queue.work : key => queue.delay_seconds } == {
      queued        = 0
      queued-paused = 0
      direct        = 120
      direct-paused = 120
    }
    error_message = "A failed event must wait for two minutes, any other one not at all."
  }
}

run "a_paused_destination_keeps_events_in_its_queue" {
  command = plan

  assert {
    condition = { for key, mapping in aws_lambda_event_source_mapping.work : key => mapping.enabled } == {
      queued        = true
      queued-paused = false
      direct        = true
      direct-paused = false
    }
    error_message = "Nothing may process the queue of a paused destination."
  }

  assert {
    condition = { for key, function in aws_lambda_function.replicate : key => function.reserved_concurrent_executions } == {
      queued        = -1
      queued-paused = -1
      direct        = -1
      direct-paused = 0
    }
    error_message = "A paused direct destination must not be invoked."
  }
}

run "what_sns_cannot_deliver_is_kept" {
  command = plan

  assert {
    condition = alltrue([for subscription in aws_sns_topic_subscription.destination :
      subscription.redrive_policy == jsonencode({ deadLetterTargetArn = "arn:aws:sqs:eu-central-1:111122223333:undelivered" })
    ])
    error_message = "Every subscription must have its dead-letter queue."
  }
}
