output "source_bucket" {
  description = "Name of the bucket to put objects into."
  value       = aws_s3_bucket.source.bucket
}

output "destination_buckets" {
  description = "Names of the destination buckets, by destination."
  value = {
    mirror   = aws_s3_bucket.destination["mirror"].bucket
    overseas = aws_s3_bucket.overseas.bucket
    archive  = aws_s3_bucket.destination["archive"].bucket
    inbox    = aws_s3_bucket.destination["inbox"].bucket
    later    = aws_s3_bucket.destination["archive"].bucket
  }
}

output "topic_arn" {
  description = "ARN of the topic that receives the source bucket's events."
  value       = module.fanout.topic_arn
}

output "destinations" {
  description = "What the module created for each destination."
  value       = module.fanout.destinations
}

output "kms_key_policy_statements" {
  description = "Statements for the policies of KMS keys that are managed elsewhere."
  value       = module.fanout.kms_key_policy_statements
}
