variable "name" {
  type        = string
  description = "Beginning of the buckets' names. Bucket names are unique in all of AWS: choose your own."
  default     = "fanout-complete"
  nullable    = false
}
