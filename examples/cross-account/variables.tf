variable "name" {
  type        = string
  description = "Name prefix of the buckets. Bucket names are unique in all of AWS, so choose your own."
  default     = "fanout-cross-account"
  nullable    = false
}

variable "partner_role_arn" {
  type        = string
  description = <<-EOT
    ARN of a role in the destination's account that may create buckets, such as
    "arn:aws:iam::012345678901:role/OrganizationAccountAccessRole".
  EOT
  nullable    = false
}
