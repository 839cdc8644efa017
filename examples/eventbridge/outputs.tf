output "source_bucket" {
  description = "Name of the bucket to put objects into."
  value       = aws_s3_bucket.source.bucket
}

output "destination_buckets" {
  description = "Names of the destination buckets, by destination."
  value       = { for key, bucket in aws_s3_bucket.destination : key => bucket.bucket }
}

output "topic_arn" {
  description = "ARN of the topic that the rule publishes to."
  value       = module.fanout.topic_arn
}

output "destinations" {
  description = "What the module created for each destination."
  value       = module.fanout.destinations
}
