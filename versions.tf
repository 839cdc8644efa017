terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"

      # From 6.17.0 to 6.28.0 every plan changes the index of the replication log
      # (hashicorp/terraform-provider-aws: issues 44692 and 46281, repaired by 46094 in 6.29.0).
      version = <<-EOT
        >= 5.100, < 7.0,
        != 6.17.0, != 6.18.0, != 6.19.0, != 6.20.0, != 6.21.0, != 6.22.0, != 6.22.1,
        != 6.23.0, != 6.24.0, != 6.25.0, != 6.26.0, != 6.27.0, != 6.28.0
      EOT
    }
  }
}
