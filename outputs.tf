output "topic_arn" {
  description = "ARN of the topic that receives the source bucket's events."
  value       = local.topic_arn

  # Who connects events to the topic finds everything behind it ready.
  depends_on = [
    aws_sns_topic.fanout,
    aws_sns_topic_subscription.destination,
    aws_lambda_event_source_mapping.work,
  ]

  precondition {
    condition     = startswith(local.topic_arn, "arn:${local.partition}:sns:${local.region}:${local.account_id}:")
    error_message = <<-EOT
      topic_arn is ${local.topic_arn}, and the provider is in ${local.region} of account ${local.account_id}:
      write a topic of the source bucket's region and account, and use a provider of that region and account.
    EOT
  }
}

output "destinations" {
  description = <<-EOT
    What belongs to each destination, by its key in `destinations`. Names, ARNs and URLs: `function_name`,
    `function_arn`, `role_name`, `role_arn`, `queue_url`, `queue_arn`, `dead_letter_queue_url`,
    `dead_letter_queue_arn`, `undelivered_queue_url`, `undelivered_queue_arn` (the dead-letter queue of the
    subscription), `log_group_name`, and `alarm_arns` by the alarms' names in docs/operations.md. Commands of the
    AWS CLI: `list_dead_letters_command` shows up to ten dead-letter messages with their reasons. `redrive_command`
    moves all of them back to the queue. `reconcile_command` counts the keys that differ from the source; to
    replicate them, write repair for audit in it. `pause_command` and `resume_command` stop and start replication
    without an apply.
  EOT
  value = { for key in keys(var.destinations) : key => {
    function_name         = aws_lambda_function.replicate[key].function_name
    function_arn          = aws_lambda_function.replicate[key].arn
    role_name             = aws_iam_role.replicate[key].name
    role_arn              = aws_iam_role.replicate[key].arn
    queue_url             = aws_sqs_queue.work[key].url
    queue_arn             = aws_sqs_queue.work[key].arn
    dead_letter_queue_url = aws_sqs_queue.dead_letter[key].url
    dead_letter_queue_arn = aws_sqs_queue.dead_letter[key].arn
    undelivered_queue_url = aws_sqs_queue.undelivered[key].url
    undelivered_queue_arn = aws_sqs_queue.undelivered[key].arn
    log_group_name        = aws_cloudwatch_log_group.function[key].name

    alarm_arns = { for alarm in keys(local.alarms) : alarm => aws_cloudwatch_metric_alarm.fanout["${key}/${alarm}"].arn
      if contains(keys(local.alarm_instances), "${key}/${alarm}")
    }

    # Without a wait time SQS asks only some of its servers.
    list_dead_letters_command = join(" ", [
      "aws sqs receive-message --region ${local.region} --queue-url ${aws_sqs_queue.dead_letter[key].url}",
      "--max-number-of-messages 10 --wait-time-seconds 1 --visibility-timeout 0 --message-attribute-names All --output table",
      "--query 'Messages[].MessageAttributes.{Reason:Reason.StringValue,Key:Key.StringValue,Explanation:Explanation.StringValue}'",
    ])

    # SQS remembers the source queue only of messages that it moved itself, not of those that the function
    # sent, so the command names the queue.
    redrive_command = join(" ", [
      "aws sqs start-message-move-task --region ${local.region}",
      "--source-arn ${local.queue_arns[key].dead_letter} --destination-arn ${local.queue_arns[key].work}",
    ])

    # Versions 1 and 2 of the CLI both take "fileb", and by default both stop waiting before 15 minutes.
    reconcile_command = !var.reconcile.enabled ? null : join(" ", [
      "echo '${jsonencode({ destination = key, mode = "audit" })}' | aws lambda invoke --region ${local.region}",
      "--function-name ${local.reconcile_name} --cli-read-timeout 0 --payload fileb:///dev/stdin /dev/stdout",
    ])

    # For incidents, before an apply with `paused`. The next apply restores what `paused` says.
    pause_command  = join(" && ", concat(local.block_commands[key], ["${local.mapping_commands[key]} --no-enabled"]))
    resume_command = join(" && ", concat(["${local.mapping_commands[key]} --enabled"], local.unblock_commands[key]))
  } }
}

output "alarm_arns" {
  description = "ARNs of the alarms that belong to no destination, by their names in docs/operations.md."
  value       = { for alarm in local.shared_alarms : alarm => aws_cloudwatch_metric_alarm.fanout[alarm].arn if var.alarms.enabled }
}

output "destination_bucket_policy_statements" {
  description = <<-EOT
    For each destination, by its key: a JSON list of statements. The bucket's policy must contain them if another
    account owns the bucket.
  EOT
  value       = local.destination_bucket_policy_statements
}

output "destination_kms_key_policy_statements" {
  description = <<-EOT
    For each destination, by its key: a JSON list of statements. If it has a `kms_key_arn`, the KMS key's policy
    must contain them if another account owns the KMS key, or if the policy does not leave access to IAM policies.
  EOT
  value       = local.destination_kms_key_policy_statements
}

output "kms_key_policy_statements" {
  description = <<-EOT
    For each input that names KMS keys (`kms_key_arn`, `source_kms_key_arns`): a JSON list of statements for the
    policies of these keys. Those for `kms_key_arn` must be in force before the key is used here, because
    CloudWatch Logs and S3 try it at once: write them into the policy that the key is created with, and one apply
    creates both. Those for `source_kms_key_arns` are needed only if another account owns
    the keys, or if their policies do not leave access to IAM policies.
  EOT
  value       = local.kms_key_policy_statements
}

locals {
  mapping_commands = { for key, mapping in aws_lambda_event_source_mapping.work : key =>
    "aws lambda update-event-source-mapping --region ${local.region} --uuid ${mapping.uuid}"
  }

  # With direct delivery, Lambda sends the events of a function without concurrency to the queue.
  block_commands = { for key, d in var.destinations : key => d.delivery == "direct" ? [join(" ", [
    "aws lambda put-function-concurrency --region ${local.region} --function-name ${local.function_names[key]}",
    "--reserved-concurrent-executions 0",
  ])] : [] }
  unblock_commands = { for key, d in var.destinations : key => d.delivery == "direct" ? [
    "aws lambda delete-function-concurrency --region ${local.region} --function-name ${local.function_names[key]}",
  ] : [] }
}

output "reconcile_function_name" {
  description = "Name of the function that compares destinations with the source. `null` if there is none."
  value       = one(aws_lambda_function.reconcile[*].function_name)
}

output "replication_log_table_name" {
  description = "Name of the replication log's table. `null` if there is none."
  value       = one(aws_dynamodb_table.replication_log[*].name)
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard. `null` if there is none."
  value       = one(aws_cloudwatch_dashboard.fanout[*].dashboard_name)
}
