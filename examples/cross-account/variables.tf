variable "name" {
  type        = string
  description = "Beginning of the buckets' names. Bucket names are unique in all of AWS: choose your own."
  default     = "fanout-cross-account"
  nullable    = false
}

variable "partner_role_arn" {
  type        = string
  description = "ARN of a role in the destination's account that may make buckets, such as \"arn:aws:iam::012345678901:role/OrganizationAccountAccessRole\"."
  nullable    = false
}
