output "source_bucket" {
  description = "Name of the bucket to put objects into."
  value       = aws_s3_bucket.source.bucket
}

output "destination_buckets" {
  description = "Names of the buckets they arrive in, by destination."
  value = {
    mirror   = aws_s3_bucket.destination["mirror"].bucket
    overseas = aws_s3_bucket.overseas.bucket
    archive  = aws_s3_bucket.destination["archive"].bucket
    inbox    = aws_s3_bucket.destination["inbox"].bucket
    later    = aws_s3_bucket.destination["archive"].bucket
  }
}

output "topic_arn" {
  description = "ARN of the topic between them."
  value       = module.fanout.topic_arn
}

output "destinations" {
  description = "What the module made for each destination."
  value       = module.fanout.destinations
}

output "kms_key_policy_statements" {
  description = "What the policies of the keys must allow where they are managed elsewhere."
  value       = module.fanout.kms_key_policy_statements
}
