output "source_bucket" {
  description = "Name of the bucket to put objects into."
  value       = aws_s3_bucket.all["source"].bucket
}

output "destination_buckets" {
  description = "Names of the buckets they arrive in, by destination."
  value       = { encrypted = aws_s3_bucket.all["destination"].bucket }
}

output "key_arns" {
  description = "ARNs of the keys: for topic, queues and logs, and for the objects on each side."
  value = {
    fanout      = aws_kms_key.fanout.arn
    source      = aws_kms_key.objects["source"].arn
    destination = aws_kms_key.objects["destination"].arn
  }
}

output "kms_key_policy_statements" {
  description = "What the policies of the keys must allow where they are managed elsewhere."
  value       = module.fanout.kms_key_policy_statements
}

output "topic_arn" {
  description = "ARN of the topic between them."
  value       = module.fanout.topic_arn
}

output "destinations" {
  description = "What the module made for each destination."
  value       = module.fanout.destinations
}
