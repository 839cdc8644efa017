# The way of an event, from top to bottom:
# source bucket -> topic -> for each destination: queue -> subscription -> function.

resource "aws_sns_topic" "fanout" {
  count = var.event_source == "existing_topic" ? 0 : 1

  name              = local.topic_name
  kms_master_key_id = var.kms_key_arn

  # SNS refuses to create a topic that exists with other tags. Without this tag, a second instance for the
  # bucket, under another name, would take over the topic and the bucket's notification.
  tags = merge(var.tags, { s3-fanout-instance = local.name })

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
      # EventBridge supports no condition in a topic's policy: SNS would refuse its events silently
      # (EventBridge User Guide, "Troubleshooting"). A forged event only makes a function compare an object.
      var.event_source == "module_topic" ? [{
        Sid       = "RulesMayPublish"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.topic_arn
      }] : [],
      [{
        Sid       = "DenyInsecureTransport"
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

  # S3 publishes a test event before it accepts a topic, which needs the topic's policy. The rest makes
  # events begin after everything behind the topic is ready, and end before any of it is destroyed.
  depends_on = [
    aws_sns_topic.fanout,
    aws_sns_topic_subscription.destination,
    aws_lambda_event_source_mapping.work,
    aws_lambda_function_event_invoke_config.direct,
    aws_dynamodb_table.replication_log,
  ]
}

locals {
  # An archived object can be copied once it is restored.
  events = concat(
    ["s3:ObjectCreated:*", "s3:ObjectRestore:Completed"],
    anytrue([for d in values(var.destinations) : d.replicate_deletes]) ? ["s3:LifecycleExpiration:*", "s3:ObjectRemoved:*"] : [],
    anytrue([for d in values(var.destinations) : d.replicate_tags]) ? ["s3:ObjectTagging:*"] : [],
  )
}

# Events wait here for the function. With direct delivery, only those that failed do.
resource "aws_sqs_queue" "work" {
  for_each = local.destinations

  name                    = local.queue_names[each.key].work
  policy                  = local.queue_policies[each.key].work
  kms_master_key_id       = var.kms_key_arn
  sqs_managed_sse_enabled = var.kms_key_arn == null ? true : null
  tags                    = local.tags[each.key]

  # S3 may still carry out what a killed invocation asked for last, so the message must stay invisible for
  # longer than that. With direct delivery the event arrives here at once, so it has to wait here.
  visibility_timeout_seconds = var.function.timeout_seconds + local.longest_write_seconds
  delay_seconds              = each.value.delivery == "direct" ? local.longest_write_seconds : 0

  # The dead-letter queue keeps messages longer, because there their age still counts from when they were
  # first sent.
  message_retention_seconds = 7 * 24 * 60 * 60

  # The function itself moves a message earlier, with a reason. This limit is for functions that never get
  # that far. 100 receives of at most 1,020 seconds take 29 hours, much less than the retention period.
  redrive_policy = jsonencode({
    deadLetterTargetArn = local.queue_arns[each.key].dead_letter
    maxReceiveCount     = 100
  })

  depends_on = [aws_sqs_queue.dead_letter]
}

resource "aws_sqs_queue" "dead_letter" {
  for_each = local.destinations

  name                      = local.queue_names[each.key].dead_letter
  policy                    = local.queue_policies[each.key].dead_letter
  message_retention_seconds = 14 * 24 * 60 * 60
  kms_master_key_id         = var.kms_key_arn
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  tags                      = local.tags[each.key]

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [local.queue_arns[each.key].work]
  })
}

# Events that SNS could not deliver. They are encrypted with SQS's own key, because another key may be the
# reason why SNS failed.
resource "aws_sqs_queue" "undelivered" {
  for_each = local.destinations

  name                      = local.queue_names[each.key].undelivered
  policy                    = local.queue_policies[each.key].undelivered
  message_retention_seconds = 14 * 24 * 60 * 60
  sqs_managed_sse_enabled   = true
  tags                      = local.tags[each.key]
}

resource "aws_sns_topic_subscription" "destination" {
  for_each = local.destinations

  topic_arn            = local.topic_arn
  protocol             = each.value.delivery == "direct" ? "lambda" : "sqs"
  endpoint             = each.value.delivery == "direct" ? local.function_arns[each.key] : local.queue_arns[each.key].work
  raw_message_delivery = each.value.delivery == "queue"
  redrive_policy       = jsonencode({ deadLetterTargetArn = local.queue_arns[each.key].undelivered })

  filter_policy       = local.filter_policies[each.key]
  filter_policy_scope = local.filter_policies[each.key] == null ? null : "MessageBody"

  # The first event may follow at once. SNS needs the permission to deliver it, and a failed event needs a
  # destination.
  depends_on = [
    aws_sns_topic.fanout,
    aws_sqs_queue.work,
    aws_sqs_queue.undelivered,
    aws_lambda_permission.topic,
    aws_lambda_function_event_invoke_config.direct,
  ]

  lifecycle {
    # When delivery changes, events reach the destination in both ways for a moment, and never in none.
    create_before_destroy = true

    precondition {
      condition     = !contains(local.looping, each.key)
      error_message = <<-EOT
        The replicas of ${join(" and ", local.looping)} would be replicated again, in an endless loop in the source bucket:
        write exclude_prefixes that contain their key_prefix, prefixes that do not overlap it, or another bucket.
      EOT
    }

    precondition {
      condition     = !contains(local.colliding, each.key)
      error_message = <<-EOT
        The destinations ${join(" and ", local.colliding)} would write the same keys of one bucket:
        write a different key_prefix for each, filters that let no key through to both, or another bucket.
      EOT
    }
  }
}

locals {
  notification_filters = { for key, prefixes in local.event_key_prefixes : key => {
    Records = { s3 = { object = { key = [for prefix in prefixes : { prefix = prefix }] } } }
  } }

  # In EventBridge's events keys are not encoded.
  eventbridge_filters = { for key, prefixes in local.prefixes : key => {
    detail = { object = { key = [for prefix in distinct(prefixes) : { prefix = prefix }] } }
  } }

  # A topic that others publish to may carry both kinds of events. An empty prefix means no filter.
  filter_policies = { for key, prefixes in local.event_key_prefixes : key => contains(prefixes, "") ? null : (
    var.event_source == "bucket_notification"
    ? jsonencode(local.notification_filters[key])
    : jsonencode({ "$or" = [local.notification_filters[key], local.eventbridge_filters[key]] })
  ) }
}

resource "aws_lambda_function" "replicate" {
  for_each = local.destinations

  function_name = local.function_names[each.key]
  description   = local.descriptions[each.key]
  role          = local.role_arns[each.key]
  tags          = local.tags[each.key]

  # path.module is relative to the root module, so it is the same in every checkout. An absolute path would
  # differ between machines, and each plan would change it.
  filename         = "${path.module}/lambda/function.zip"
  source_code_hash = filebase64sha256("${path.module}/lambda/function.zip")
  handler          = "fanout.replicate.handler.handle"
  runtime          = var.function.runtime
  architectures    = [var.function.architecture]
  memory_size      = var.function.memory_mb
  timeout          = var.function.timeout_seconds

  environment {
    variables = local.environments[each.key]
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # With a concurrency of zero, Lambda sends every event to the destination for failures, which is the queue.
  reserved_concurrent_executions = each.value.delivery == "direct" && each.value.paused ? 0 : -1

  # Lambda tests the role's permissions on the queue when the mapping is created. It creates a log group
  # without retention if it finds none.
  depends_on = [
    aws_cloudwatch_log_group.function,
    aws_iam_role_policy.replicate,
  ]

  lifecycle {
    precondition {
      condition     = local.environment_bytes[each.key] <= 4096
      error_message = <<-EOT
        The settings of destinations.${each.key} need ${local.environment_bytes[each.key]} bytes, and Lambda has room for 4,096:
        write fewer or shorter prefixes and suffixes, or split them over two destinations.
      EOT
    }
  }
}

locals {
  # Later than this after it was sent, S3 no longer carries out a write. 128 MiB, the most that one CopyObject
  # copies, take 20 seconds at 7 MB/s, the slowest that was seen between regions.
  longest_write_seconds = 120

  # So a plan shows what is replicated. Lambda takes 256 characters.
  full_descriptions = { for key, d in var.destinations : key => join("", [
    "Replicates ${var.source_bucket} to ${d.bucket}",
    length(d.prefixes) == 0 ? "" : ", only ${join(", ", [for prefix in d.prefixes : "${prefix}*"])}",
    length(d.suffixes) == 0 ? "" : ", only ${join(", ", [for suffix in d.suffixes : "*${suffix}"])}",
    length(d.exclude_prefixes) == 0 ? "" : ", not ${join(", ", [for prefix in d.exclude_prefixes : "${prefix}*"])}",
    d.strip_prefix == d.key_prefix ? "" : ", ${d.strip_prefix}* as ${d.key_prefix}*",
    d.replicate_deletes ? ", with deletes" : "",
    ".",
  ]) }
  descriptions = { for key, text in local.full_descriptions : key => length(text) <= 256 ? text : "${substr(text, 0, 253)}..." }

  source_settings = {
    bucket     = var.source_bucket
    account_id = local.account_id
    region     = local.region
  }

  destination_settings = { for key, d in var.destinations : key => {
    name              = key
    bucket            = d.bucket
    region            = coalesce(d.region, local.region)
    account_id        = coalesce(d.account_id, local.account_id)
    prefixes          = d.prefixes
    exclude_prefixes  = d.exclude_prefixes
    suffixes          = d.suffixes
    strip_prefix      = d.strip_prefix
    key_prefix        = d.key_prefix
    storage_class     = d.storage_class
    kms_key_arn       = d.kms_key_arn
    acl               = d.acl
    replicate_deletes = d.replicate_deletes
    replicate_tags    = d.replicate_tags
    echo_ending       = local.name_endings[key].inverse
  } }

  environments = { for key in keys(var.destinations) : key => {
    SOURCE      = jsonencode(local.source_settings)
    DESTINATION = jsonencode(local.destination_settings[key])
    LOG_LEVEL   = var.function.log_level

    LONGEST_WRITE_SECONDS = tostring(local.longest_write_seconds)

    REPLICATION_LOG = jsonencode(var.replication_log.enabled ? {
      table_name     = local.replication_log_table
      retention_days = var.replication_log.retention_days
    } : null)

    # Names instead of URLs, so that Terraform creates functions and queues at the same time: both take long.
    QUEUE_NAME             = local.queue_names[key].work
    DEAD_LETTER_QUEUE_NAME = local.queue_names[key].dead_letter
  } }

  # As JSON, as Lambda counts it. length() counts characters, base64 bytes.
  environment_bytes = { for key, variables in local.environments : key => length(base64encode(jsonencode(variables))) / 4 * 3 }
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.destinations

  name              = "/aws/lambda/${local.function_names[each.key]}"
  retention_in_days = var.function.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = local.tags[each.key]
}

resource "aws_lambda_event_source_mapping" "work" {
  for_each = local.destinations

  event_source_arn        = local.queue_arns[each.key].work
  function_name           = local.function_arns[each.key]
  function_response_types = ["ReportBatchItemFailures"]
  batch_size              = 10
  enabled                 = !each.value.paused
  tags                    = local.tags[each.key]

  scaling_config {
    maximum_concurrency = each.value.maximum_concurrency
  }

  depends_on = [
    aws_lambda_function.replicate,
    aws_sqs_queue.work,
  ]
}

# The function sends messages to its own queue, such as those that it puts off. Lambda would end the
# chain as a loop after about 16 of them (Lambda Developer Guide, "Use Lambda recursive loop detection").
resource "aws_lambda_function_recursion_config" "replicate" {
  for_each = local.destinations

  function_name  = local.function_names[each.key]
  recursive_loop = "Allow"
  depends_on     = [aws_lambda_function.replicate]
}

# Direct delivery: SNS invokes the function, and events that fail go to the queue.

resource "aws_lambda_permission" "topic" {
  for_each = { for key, d in var.destinations : key => d if d.delivery == "direct" }

  # Another topic needs another permission before the old one goes, so the ID is generated.
  statement_id_prefix = "TopicMayInvoke"
  function_name       = local.function_names[each.key]
  action              = "lambda:InvokeFunction"
  principal           = "sns.amazonaws.com"
  source_arn          = local.topic_arn

  depends_on = [aws_lambda_function.replicate]
}

# The queue's retries are counted, visible and delayed; Lambda's own two retries are not. Five minutes let a
# burst above the account's concurrency pass.
resource "aws_lambda_function_event_invoke_config" "direct" {
  for_each = { for key, d in var.destinations : key => d if d.delivery == "direct" }

  function_name                = local.function_names[each.key]
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 300

  # The function's own dead_letter_config would make every function wait for every queue.
  destination_config {
    on_failure {
      destination = local.queue_arns[each.key].work
    }
  }

  depends_on = [
    aws_lambda_function.replicate,
    aws_sqs_queue.work,
  ]
}
