output "source_bucket" {
  description = "Name of the bucket to put objects into."
  value       = aws_s3_bucket.all["source"].bucket
}

output "destination_buckets" {
  description = "Names of the destination buckets, by destination."
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
  description = "Statements for the policies of KMS keys that are managed elsewhere."
  value       = module.fanout.kms_key_policy_statements
}

output "topic_arn" {
  description = "ARN of the topic that receives the source bucket's events."
  value       = module.fanout.topic_arn
}

output "destinations" {
  description = "What the module created for each destination."
  value       = module.fanout.destinations
}
