variable "name" {
  type        = string
  description = "Name prefix of the buckets. Bucket names are unique in all of AWS, so choose your own."
  default     = "fanout-cross-region"
  nullable    = false
}
