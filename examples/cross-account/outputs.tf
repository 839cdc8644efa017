output "source_bucket" {
  description = "Name of the bucket to put objects into."
  value       = aws_s3_bucket.source.bucket
}

output "destination_buckets" {
  description = "Names of the buckets they arrive in, by destination."
  value       = { partner = aws_s3_bucket.partner.bucket }
}

output "destination_bucket_policy_statements" {
  description = "What the policy of the bucket in the other account must allow."
  value       = module.fanout.destination_bucket_policy_statements
}

output "destinations" {
  description = "What the module made for each destination."
  value       = module.fanout.destinations
}
