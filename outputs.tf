output "topic_arn" {
  description = "ARN of the topic that receives the source bucket's events."
  value       = local.topic_arn
}

output "destinations" {
  description = "What belongs to each destination, by its key in `destinations`: `function_name`, `function_arn`, `role_arn`, `queue_url`, `queue_arn`, `dead_letter_queue_url`, `dead_letter_queue_arn`, `log_group_name`, and commands of the AWS CLI: `letters_command` shows up to ten dead letters with their reasons, `redrive_command` sends the dead letters back to the queue, `reconcile_command` counts what differs from the source (in it, write repair for audit to replicate that too), `pause_command` and `resume_command` stop and start the work without an apply."
  value = { for key in keys(var.destinations) : key => {
    function_name         = aws_lambda_function.replicate[key].function_name
    function_arn          = aws_lambda_function.replicate[key].arn
    role_arn              = aws_iam_role.replicate[key].arn
    queue_url             = aws_sqs_queue.work[key].url
    queue_arn             = aws_sqs_queue.work[key].arn
    dead_letter_queue_url = aws_sqs_queue.dead_letter[key].url
    dead_letter_queue_arn = aws_sqs_queue.dead_letter[key].arn
    log_group_name        = aws_cloudwatch_log_group.function[key].name

    # SQS knows by itself where to send back only what it moved itself. Letters written by the function
    # need the destination named. Without a time to wait, SQS asks only some of its servers.
    letters_command = "aws sqs receive-message --region ${local.region} --queue-url ${aws_sqs_queue.dead_letter[key].url} --max-number-of-messages 10 --wait-time-seconds 1 --visibility-timeout 0 --message-attribute-names All --output table --query 'Messages[].MessageAttributes.{Reason:Reason.StringValue,Key:Key.StringValue,Explanation:Explanation.StringValue}'"
    redrive_command = "aws sqs start-message-move-task --region ${local.region} --source-arn ${local.queue_arns[key].dead_letter} --destination-arn ${local.queue_arns[key].work}"

    # The CLI takes "fileb" for a payload in versions 1 and 2 alike; neither waits a quarter of an hour
    # unless told to.
    reconcile_command = var.reconcile.enabled ? "echo '${jsonencode({ destination = key, mode = "audit" })}' | aws lambda invoke --region ${local.region} --function-name ${local.reconcile_name} --cli-read-timeout 0 --payload fileb:///dev/stdin /dev/stdout" : null

    # Before `paused` can be written and applied; the next apply makes it as `paused` says.
    pause_command  = join(" && ", concat(local.hold_commands[key], ["${local.mapping_commands[key]} --no-enabled"]))
    resume_command = join(" && ", concat(["${local.mapping_commands[key]} --enabled"], local.release_commands[key]))
  } }
}

output "destination_bucket_policy_statements" {
  description = "For each destination with an `account_id`, by its key: the statements that the policy of its bucket needs when another account owns it, as a JSON list."
  value       = local.destination_bucket_policy_statements
}

output "destination_kms_key_policy_statements" {
  description = "For each destination with a `kms_key_arn`, by its key: the statements that the policy of its key needs when another account owns it, or when it does not leave access to IAM policies, as a JSON list."
  value       = local.destination_kms_key_policy_statements
}

output "kms_key_policy_statements" {
  description = "By the input that names the key (`kms_key_arn`, `source_kms_key_arns`): the statements that its policy needs, as a JSON list. For `kms_key_arn` they must be in force before the key is used here, as CloudWatch Logs and S3 try it at once; for the others only where another account owns them, or their policy does not leave access to IAM policies."
  value       = local.kms_key_policy_statements
}

locals {
  mapping_commands = { for key, mapping in aws_lambda_event_source_mapping.work : key =>
    "aws lambda update-event-source-mapping --region ${local.region} --uuid ${mapping.uuid}"
  }

  # In the direct lane a function without concurrency leaves its events to the queue.
  hold_commands = { for key, d in var.destinations : key => d.delivery == "direct" ? [
    "aws lambda put-function-concurrency --region ${local.region} --function-name ${local.names[key]} --reserved-concurrent-executions 0",
  ] : [] }
  release_commands = { for key, d in var.destinations : key => d.delivery == "direct" ? [
    "aws lambda delete-function-concurrency --region ${local.region} --function-name ${local.names[key]}",
  ] : [] }
}

output "reconcile_function_name" {
  description = "Name of the function that compares destinations with the source; `null` when there is none."
  value       = one(aws_lambda_function.reconcile[*].function_name)
}

output "replication_log_table_name" {
  description = "Name of the replication log's table; `null` when there is none."
  value       = one(aws_dynamodb_table.replication_log[*].name)
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard; `null` when there is none."
  value       = one(aws_cloudwatch_dashboard.fanout[*].dashboard_name)
}
