terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}

# The destination's account, through a role of that account that you may assume.
provider "aws" {
  alias  = "partner"
  region = "eu-central-1"

  assume_role {
    role_arn = var.partner_role_arn
  }
}
