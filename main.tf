# The way of an object's event, from top to bottom:
# source bucket -> topic -> for each destination: queue -> subscription -> function.

resource "aws_sns_topic" "fanout" {
  count = var.event_source == "existing_topic" ? 0 : 1

  name              = local.topic_name
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

resource "aws_sns_topic_policy" "fanout" {
  count = var.event_source == "existing_topic" ? 0 : 1

  arn = local.topic_arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid       = "SourceBucketMayPublish"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.topic_arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = "arn:${local.partition}:s3:::${var.source_bucket}" }
          StringEquals = { "aws:SourceAccount" = local.account_id }
        }
      },
      ],
      # No condition: EventBridge does not support any in a topic's policy, and would be refused without a
      # word (EventBridge User Guide, "Troubleshooting"). What it publishes can only make a function look.
      var.event_source == "module_topic" ? [{
        Sid       = "RulesMayPublish"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.topic_arn
      }] : [],
      [{
        Sid       = "NothingInPlainText"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = local.topic_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
    )
  })
}

resource "aws_s3_bucket_notification" "source" {
  count = var.event_source == "bucket_notification" ? 1 : 0

  bucket = var.source_bucket

  topic {
    id        = local.topic_name
    topic_arn = local.topic_arn
    events    = local.events
  }

  # S3 publishes a test event before it accepts a topic. The rest is here so that events begin when
  # everything behind the topic is ready, and on destroy end before anything behind it goes.
  depends_on = [
    aws_sns_topic_policy.fanout,
    aws_sns_topic_subscription.destination,
    aws_lambda_event_source_mapping.work,
    aws_lambda_function_event_invoke_config.direct,
    aws_dynamodb_table.replication_log,
  ]
}

locals {
  # An archived object cannot be copied; once it is restored it can.
  events = concat(
    ["s3:ObjectCreated:*", "s3:ObjectRestore:Completed"],
    anytrue([for d in values(var.destinations) : d.replicate_deletes]) ? ["s3:LifecycleExpiration:*", "s3:ObjectRemoved:*"] : [],
    anytrue([for d in values(var.destinations) : d.replicate_tags]) ? ["s3:ObjectTagging:*"] : [],
  )
}

# Events wait here for the function; in the direct lane, only those it failed on.
resource "aws_sqs_queue" "work" {
  for_each = var.destinations

  name                    = local.queue_names[each.key].work
  policy                  = local.queue_policies[each.key].work
  kms_master_key_id       = var.kms_key_arn
  sqs_managed_sse_enabled = var.kms_key_arn == null ? true : null
  tags                    = var.tags

  # A message must stay hidden until whoever holds it is certainly gone: two minutes more than the
  # function's own end.
  visibility_timeout_seconds = var.function.timeout_seconds + 120

  # What a killed invocation asked S3 for may land after it. In the queue lane the visibility time-out
  # outlasts that; in the direct lane the event arrives here at once, and so it waits as long.
  delay_seconds = each.value.delivery == "direct" ? 120 : 0

  # 7 days. The dead-letter queue keeps a message for longer, because its age goes on counting from
  # the day it was first sent.
  message_retention_seconds = 7 * 24 * 60 * 60

  # The function gives a message up earlier, and says why; this is for when it never gets that far. 100
  # receives hide a message for at most 29 hours (1,020 seconds each), so that it becomes a dead letter
  # long before it is too old.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[each.key].arn
    maxReceiveCount     = 100
  })
}

resource "aws_sqs_queue" "dead_letter" {
  for_each = var.destinations

  name                      = local.queue_names[each.key].dead_letter
  policy                    = local.queue_policies[each.key].dead_letter
  message_retention_seconds = 14 * 24 * 60 * 60
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  tags                      = var.tags

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arns[each.key].work]
  })
}

# What SNS could not deliver. Its key is SQS's own: should a key be why SNS failed, this way out must
# not depend on it.
resource "aws_sqs_queue" "undelivered" {
  for_each = var.destinations

  name                      = local.queue_names[each.key].undelivered
  policy                    = local.queue_policies[each.key].undelivered
  message_retention_seconds = 14 * 24 * 60 * 60
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sns_topic_subscription" "destination" {
  for_each = var.destinations

  topic_arn            = local.topic_arn
  protocol             = each.value.delivery == "direct" ? "lambda" : "sqs"
  endpoint             = each.value.delivery == "direct" ? aws_lambda_function.replicate[each.key].arn : aws_sqs_queue.work[each.key].arn
  raw_message_delivery = each.value.delivery == "queue"
  redrive_policy       = jsonencode({ deadLetterTargetArn = aws_sqs_queue.undelivered[each.key].arn })

  filter_policy       = local.filter_policies[each.key]
  filter_policy_scope = local.filter_policies[each.key] == null ? null : "MessageBody"

  # The first event may follow at once: without the permission it would not be delivered, and what the
  # function fails on needs somewhere to go.
  depends_on = [
    aws_lambda_permission.topic,
    aws_lambda_function_event_invoke_config.direct,
  ]

  lifecycle {
    precondition {
      condition     = !contains(local.looping, each.key)
      error_message = "The replicas of ${join(" and ", local.looping)} would be written to the source bucket under keys that are replicated again, in an endless loop: write exclude_prefixes that hold their key_prefix, prefixes that do not overlap it, or another bucket."
    }

    precondition {
      condition     = !contains(local.colliding, each.key)
      error_message = "The destinations ${join(" and ", local.colliding)} would write the same keys of one bucket: write a different key_prefix for each, or filters that let no key through to both, or another bucket."
    }
  }
}

locals {
  notification_filters = { for key, prefixes in local.event_key_prefixes : key => {
    Records = { s3 = { object = { key = [for prefix in prefixes : { prefix = prefix }] } } }
  } }

  # In EventBridge's events a key stands as it is.
  eventbridge_filters = { for key, prefixes in local.prefixes : key => {
    detail = { object = { key = [for prefix in distinct(prefixes) : { prefix = prefix }] } }
  } }

  # A topic that others publish to may carry both kinds of events. An empty prefix lets everything
  # through, which is what no filter does.
  filter_policies = { for key, prefixes in local.event_key_prefixes : key => contains(prefixes, "") ? null : (
    var.event_source == "bucket_notification"
    ? jsonencode(local.notification_filters[key])
    : jsonencode({ "$or" = [local.notification_filters[key], local.eventbridge_filters[key]] })
  ) }
}

resource "aws_lambda_function" "replicate" {
  for_each = var.destinations

  function_name = local.names[each.key]
  description   = "Replicates ${var.source_bucket} to ${each.value.bucket}."
  role          = aws_iam_role.replicate[each.key].arn
  tags          = var.tags

  # path.module is relative to the root module, so it is the same in every checkout; an absolute path
  # would be a change on every machine.
  filename         = "${path.module}/lambda/function.zip"
  source_code_hash = filebase64sha256("${path.module}/lambda/function.zip")
  handler          = "fanout.replicate.handler.handle"
  runtime          = var.function.runtime
  architectures    = [var.function.architecture]
  memory_size      = var.function.memory_mb
  timeout          = var.function.timeout_seconds

  environment {
    variables = {
      SOURCE      = jsonencode(local.source_settings)
      DESTINATION = jsonencode(local.destination_settings[each.key])
      LOG_LEVEL   = var.function.log_level

      REPLICATION_LOG = jsonencode(var.replication_log.enabled ? { table_name = local.replication_log_table, retention_days = var.replication_log.retention_days } : null)

      # Names rather than URLs: functions and queues take long to make, and so they are made at the
      # same time.
      QUEUE_NAME             = local.queue_names[each.key].work
      DEAD_LETTER_QUEUE_NAME = local.queue_names[each.key].dead_letter
    }
  }

  # At zero Lambda hands every event straight to the destination for failures, which is the queue.
  reserved_concurrent_executions = each.value.delivery == "direct" && each.value.paused ? 0 : -1

  # Lambda tries the role's rights on the queue when it is told of it, and creates a log group without
  # retention when it finds none.
  depends_on = [
    aws_cloudwatch_log_group.function,
    aws_iam_role_policy.replicate,
  ]

  lifecycle {
    # Lambda takes 4,096 bytes, as JSON. All but the prefixes and suffixes has known limits and stays
    # below 1,072 bytes, so that this can be said before the topic is there and tells region and account.
    precondition {
      condition     = local.key_rule_bytes[each.key] + 1072 <= 4096
      error_message = "The prefixes and suffixes of destination ${each.key} need ${local.key_rule_bytes[each.key]} bytes as JSON, more than the 3,024 its function's environment has room for: write fewer or shorter ones, or split them over two destinations."
    }
  }
}

locals {
  source_settings = {
    bucket     = var.source_bucket
    account_id = local.account_id
    region     = local.region
  }

  destination_settings = { for key, d in var.destinations : key => merge(local.key_rules[key], {
    name              = key
    bucket            = d.bucket
    region            = coalesce(d.region, local.region)
    account_id        = coalesce(d.account_id, local.account_id)
    storage_class     = d.storage_class
    kms_key_arn       = d.kms_key_arn
    acl               = d.acl
    replicate_deletes = d.replicate_deletes
    replicate_tags    = d.replicate_tags
  }) }

  key_rules = { for key, d in var.destinations : key => {
    prefixes         = d.prefixes
    exclude_prefixes = d.exclude_prefixes
    suffixes         = d.suffixes
    strip_prefix     = d.strip_prefix
    key_prefix       = d.key_prefix
  } }

  # JSON within JSON, as Lambda counts it. length() counts characters, base64 bytes.
  key_rule_bytes = { for key, rules in local.key_rules : key => length(base64encode(jsonencode(jsonencode(rules)))) / 4 * 3 }
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = var.destinations

  name              = "/aws/lambda/${local.names[each.key]}"
  retention_in_days = var.function.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags

  lifecycle {
    # Region and account are read from topic_arn, and names of queues are made of them.
    postcondition {
      condition     = startswith(self.arn, "arn:${local.partition}:logs:${local.region}:${local.account_id}:")
      error_message = "topic_arn names a topic in ${local.region} of account ${local.account_id}, and the provider works in another region or account: write a topic of the source bucket's own region and account."
    }
  }
}

resource "aws_lambda_event_source_mapping" "work" {
  for_each = var.destinations

  event_source_arn        = aws_sqs_queue.work[each.key].arn
  function_name           = aws_lambda_function.replicate[each.key].arn
  function_response_types = ["ReportBatchItemFailures"]
  batch_size              = 10
  enabled                 = !each.value.paused
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = each.value.maximum_concurrency
  }
}

# The direct lane: SNS may invoke the function, and whatever fails goes to the queue.

resource "aws_lambda_permission" "topic" {
  for_each = { for key, d in var.destinations : key => d if d.delivery == "direct" }

  statement_id  = "TopicMayInvoke"
  function_name = aws_lambda_function.replicate[each.key].function_name
  action        = "lambda:InvokeFunction"
  principal     = "sns.amazonaws.com"
  source_arn    = local.topic_arn
}

# Lambda's own retries come twice and blindly; the queue's are counted, seen and delayed. Five minutes
# let a burst over the account's concurrency pass.
resource "aws_lambda_function_event_invoke_config" "direct" {
  for_each = { for key, d in var.destinations : key => d if d.delivery == "direct" }

  function_name                = aws_lambda_function.replicate[each.key].function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 300

  # Rather than the function's own dead_letter_config, which would make every function wait for every
  # queue.
  destination_config {
    on_failure {
      destination = aws_sqs_queue.work[each.key].arn
    }
  }
}
