output "source_bucket" {
  description = "Name of the bucket to put objects into."
  value       = aws_s3_bucket.source.bucket
}

output "destination_buckets" {
  description = "Names of the destination buckets, by destination."
  value = {
    ireland = aws_s3_bucket.ireland.bucket
    sydney  = aws_s3_bucket.sydney.bucket
  }
}

output "destinations" {
  description = "What the module created for each destination."
  value       = module.fanout.destinations
}
