output "source_buckets" {
  description = "Names of the buckets that notify the topic. Only photos is replicated."
  value       = { for key, bucket in aws_s3_bucket.source : key => bucket.bucket }
}

output "destination_buckets" {
  description = "Names of the destination buckets, by destination."
  value       = { copy = aws_s3_bucket.copy.bucket }
}

output "listener_queue_url" {
  description = "URL of the queue that subscribed before."
  value       = aws_sqs_queue.listener.url
}

output "topic_arn" {
  description = "ARN of the topic that existed before."
  value       = aws_sns_topic.events.arn
}

output "destinations" {
  description = "What the module created for each destination."
  value       = module.fanout.destinations
}
