variable "name" {
  type        = string
  description = "Name prefix of the buckets. Bucket names are unique in all of AWS, so choose your own."
  default     = "fanout-kms"
  nullable    = false

  # The key's policy names the log groups by their beginning, and longer names are shortened.
  validation {
    condition     = length(var.name) <= 40
    error_message = "name is too long: write at most 40 characters."
  }
}
