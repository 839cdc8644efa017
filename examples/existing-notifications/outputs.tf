output "source_buckets" {
  description = "Names of the buckets that tell the topic; photos is replicated."
  value       = { for key, bucket in aws_s3_bucket.source : key => bucket.bucket }
}

output "destination_buckets" {
  description = "Names of the buckets that objects arrive in, by destination."
  value       = { copy = aws_s3_bucket.copy.bucket }
}

output "listener_queue_url" {
  description = "URL of the queue that listened before."
  value       = aws_sqs_queue.listener.url
}

output "topic_arn" {
  description = "ARN of the topic that was there before."
  value       = aws_sns_topic.events.arn
}

output "destinations" {
  description = "What the module made for each destination."
  value       = module.fanout.destinations
}
