output "source_bucket" {
  description = "Name of the bucket to put objects into."
  value       = aws_s3_bucket.source.bucket
}

output "destination_buckets" {
  description = "Names of the destination buckets, by destination."
  value       = { partner = aws_s3_bucket.partner.bucket }
}

output "destination_bucket_policy_statements" {
  description = "Statements for the policy of the bucket in the other account."
  value       = module.fanout.destination_bucket_policy_statements
}

output "destinations" {
  description = "What the module created for each destination."
  value       = module.fanout.destinations
}
