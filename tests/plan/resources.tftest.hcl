# What is made, for whom, and with which settings.

mock_provider "aws" {
  source = "./tests/plan/known"
}

variables {
  source_bucket = "photos"
  destinations = {
    plain = { bucket = "photos-plain" }
    rewritten = {
      bucket              = "photos-rewritten"
      region              = "us-west-2"
      account_id          = "444455556666"
      prefixes            = ["raw/2024/", "raw/2025/"]
      strip_prefix        = "raw/"
      key_prefix          = "archive/"
      exclude_prefixes    = ["raw/2024/tmp/"]
      suffixes            = [".jpg", ".png"]
      storage_class       = "GLACIER_IR"
      kms_key_arn         = "arn:aws:kms:us-west-2:444455556666:key/01234567-89ab-cdef-0123-456789abcdef"
      acl                 = "bucket-owner-full-control"
      replicate_deletes   = true
      replicate_tags      = false
      maximum_concurrency = 7
    }
    direct = { bucket = "photos-direct", delivery = "direct" }
  }
}

run "every_destination_has_its_own_resources" {
  command = plan

  assert {
    condition = alltrue([for addresses in [
      keys(aws_sqs_queue.work), keys(aws_sqs_queue.dead_letter), keys(aws_sqs_queue.undelivered),
      keys(aws_sns_topic_subscription.destination), keys(aws_lambda_function.replicate), keys(aws_iam_role.replicate),
      keys(aws_iam_role_policy.replicate), keys(aws_cloudwatch_log_group.function), keys(aws_lambda_event_source_mapping.work),
    ] : addresses == ["direct", "plain", "rewritten"]])
    error_message = "Each destination must have one of each."
  }

  assert {
    condition     = keys(output.destinations) == ["direct", "plain", "rewritten"] && output.topic_arn == aws_sns_topic.fanout[0].arn
    error_message = "The outputs must hold each destination and the topic."
  }
}

run "dead_letters_are_redriven_by_a_command_that_names_both_queues" {
  command = plan

  assert {
    condition = alltrue([for key, destination in output.destinations : destination.redrive_command == join(" ", [
      "aws sqs start-message-move-task --region eu-central-1",
      "--source-arn arn:aws:sqs:eu-central-1:111122223333:photos-fanout-${key}-dead-letter",
      "--destination-arn arn:aws:sqs:eu-central-1:111122223333:photos-fanout-${key}",
    ])])
    error_message = "The command must move messages from the dead-letter queue to the work queue."
  }
}

run "queues_hide_a_message_for_longer_than_the_function_runs" {
  command = plan

  variables {
    function = { timeout_seconds = 5 }
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.work : queue.visibility_timeout_seconds == 125])
    error_message = "Messages must stay hidden for 120 seconds longer than the function runs."
  }
}

run "queues_keep_what_they_are_given" {
  command = plan

  assert {
    condition = alltrue([for queue in aws_sqs_queue.work :
      jsondecode(queue.redrive_policy).deadLetterTargetArn == "arn:aws:sqs:eu-central-1:111122223333:dead-letter"
    ])
    error_message = "A work queue must have a dead-letter queue."
  }

  assert {
    condition = alltrue([for queue in aws_sqs_queue.work :
    jsondecode(queue.redrive_policy).maxReceiveCount * queue.visibility_timeout_seconds < queue.message_retention_seconds / 2])
    error_message = "A message must reach the dead-letter queue well before it is too old."
  }

  assert {
    condition = alltrue([for key, queue in aws_sqs_queue.dead_letter : (
      jsondecode(queue.redrive_allow_policy) == jsondecode(jsonencode({
        redrivePermission = "byQueue"
        sourceQueueArns   = ["arn:aws:sqs:eu-central-1:111122223333:photos-fanout-${key}"]
      }))
      && queue.message_retention_seconds > aws_sqs_queue.work[key].message_retention_seconds
    )])
    error_message = "Dead letters must come from the destination's own queue and be kept for longer."
  }

  assert {
    condition = alltrue([
      for queue in concat(values(aws_sqs_queue.work), values(aws_sqs_queue.dead_letter), values(aws_sqs_queue.undelivered)) :
      queue.sqs_managed_sse_enabled
    ])
    error_message = "Every queue must be encrypted."
  }
}

run "functions_have_the_defaults" {
  command = plan

  assert {
    condition = alltrue([for function in aws_lambda_function.replicate : (
      function.runtime == "python3.13" && function.architectures == tolist(["arm64"]) && function.memory_size == 512
      && function.timeout == 900 && function.handler == "fanout.replicate.handler.handle"
    )])
    error_message = "Functions must have the documented defaults."
  }

  assert {
    condition = alltrue([for key, group in aws_cloudwatch_log_group.function :
    group.retention_in_days == 30 && group.name == "/aws/lambda/${aws_lambda_function.replicate[key].function_name}"])
    error_message = "Each function must have its own log group, kept for 30 days."
  }

  assert {
    condition = alltrue([for key, mapping in aws_lambda_event_source_mapping.work : (
      mapping.batch_size == 10 && mapping.function_response_types == toset(["ReportBatchItemFailures"]) && mapping.enabled
      && mapping.scaling_config[0].maximum_concurrency == (key == "rewritten" ? 7 : 50)
    )])
    error_message = "Queues must be processed in batches of 10, with partial results and limited concurrency."
  }
}

run "function_settings_are_passed_on" {
  command = plan

  variables {
    function = { runtime = "python3.12", architecture = "x86_64", memory_mb = 1024, timeout_seconds = 60, log_retention_days = 0 }
  }

  assert {
    condition = alltrue([for function in aws_lambda_function.replicate : (
      function.runtime == "python3.12" && function.architectures == tolist(["x86_64"])
      && function.memory_size == 1024 && function.timeout == 60
    )])
    error_message = "Functions must have the settings given."
  }

  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.function : group.retention_in_days == 0])
    error_message = "Log groups must have the retention given."
  }
}

run "the_code_s_path_is_the_same_in_every_checkout" {
  command = plan

  assert {
    condition     = alltrue([for function in aws_lambda_function.replicate : function.filename == "./lambda/function.zip"])
    error_message = "The path of the code must be relative to the root module."
  }

  assert {
    condition = alltrue([for function in aws_lambda_function.replicate :
      function.source_code_hash == filebase64sha256("lambda/function.zip")
    ])
    error_message = "The function must change with its code."
  }
}

run "a_function_knows_its_source_and_its_destination" {
  command = plan

  assert {
    condition = alltrue([for key, function in aws_lambda_function.replicate : (
      keys(function.environment[0].variables) == tolist([
        "DEAD_LETTER_QUEUE_NAME", "DESTINATION", "LOG_LEVEL", "QUEUE_NAME", "REPLICATION_LOG", "SOURCE",
      ])
      && function.environment[0].variables.LOG_LEVEL == "INFO"
      && function.environment[0].variables.REPLICATION_LOG == "null"
      && function.environment[0].variables.QUEUE_NAME == aws_sqs_queue.work[key].name
      && function.environment[0].variables.DEAD_LETTER_QUEUE_NAME == aws_sqs_queue.dead_letter[key].name
      && function.environment[0].variables.SOURCE == jsonencode({ account_id = "111122223333", bucket = "photos", region = "eu-central-1" })
    )])
    error_message = "Each function must know the source, its queues and the log level."
  }

  assert {
    condition = aws_lambda_function.replicate["plain"].environment[0].variables.DESTINATION == jsonencode({
      account_id        = "111122223333"
      acl               = null
      bucket            = "photos-plain"
      exclude_prefixes  = []
      key_prefix        = ""
      kms_key_arn       = null
      name              = "plain"
      prefixes          = []
      region            = "eu-central-1"
      replicate_deletes = false
      replicate_tags    = true
      storage_class     = null
      strip_prefix      = ""
      suffixes          = []
    })
    error_message = "What is left out must be the module's own account and region, and nothing but tags must be asked for."
  }

  assert {
    condition = aws_lambda_function.replicate["rewritten"].environment[0].variables.DESTINATION == jsonencode({
      account_id        = "444455556666"
      acl               = "bucket-owner-full-control"
      bucket            = "photos-rewritten"
      exclude_prefixes  = ["raw/2024/tmp/"]
      key_prefix        = "archive/"
      kms_key_arn       = "arn:aws:kms:us-west-2:444455556666:key/01234567-89ab-cdef-0123-456789abcdef"
      name              = "rewritten"
      prefixes          = ["raw/2024/", "raw/2025/"]
      region            = "us-west-2"
      replicate_deletes = true
      replicate_tags    = false
      storage_class     = "GLACIER_IR"
      strip_prefix      = "raw/"
      suffixes          = [".jpg", ".png"]
    })
    error_message = "A destination's attributes must reach its function."
  }
}

run "tags_and_the_permissions_boundary_are_on_everything_that_takes_them" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    tags                     = { team = "media" }
    reconcile                = { schedule = "rate(1 day)" }
    replication_log          = { enabled = true }
  }

  assert {
    condition = alltrue([for tags in concat(
      [aws_sns_topic.fanout[0].tags],
      values(aws_sqs_queue.work)[*].tags, values(aws_sqs_queue.dead_letter)[*].tags, values(aws_sqs_queue.undelivered)[*].tags,
      values(aws_lambda_function.replicate)[*].tags, values(aws_iam_role.replicate)[*].tags,
      values(aws_cloudwatch_log_group.function)[*].tags, values(aws_lambda_event_source_mapping.work)[*].tags,
      values(aws_cloudwatch_metric_alarm.destination)[*].tags, values(aws_cloudwatch_metric_alarm.shared)[*].tags,
      aws_dynamodb_table.replication_log[*].tags,
    ) : tags == tomap({ team = "media" })])
    error_message = "Everything that takes tags must have them."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.replicate : role.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"])
    error_message = "Every role must have the permissions boundary."
  }
}
