output "source_bucket" {
  description = "Name of the bucket to put objects into."
  value       = aws_s3_bucket.source.bucket
}

output "destination_buckets" {
  description = "Names of the destination buckets, by destination."
  value = {
    nearby   = aws_s3_bucket.nearby.bucket
    overseas = aws_s3_bucket.overseas.bucket
    reports  = aws_s3_bucket.reports.bucket
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
