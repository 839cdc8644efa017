# Two destinations of a bucket that was full before: one takes everything, one shares its bucket.

terraform {
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

module "fanout" {
  source = "../.."

  source_bucket = "reconcile-source"

  destinations = {
    whole = {
      bucket = "reconcile-whole"
    }

    shared = {
      bucket            = "reconcile-shared"
      prefixes          = ["some/"]
      strip_prefix      = "some/"
      key_prefix        = "copies/"
      exclude_prefixes  = ["some/private/"]
      replicate_deletes = true
    }
  }

  function = { timeout_seconds = 60 }

  reconcile = { delete_extra = true }
}

output "destinations" {
  value = module.fanout.destinations
}
