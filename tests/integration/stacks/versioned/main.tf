# What more of the integration tests apply once: a versioned source, and a module with every
# kind of resource.

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

resource "aws_s3_bucket" "versioned" {
  for_each = toset(["source", "kept", "mirrored", "queued"])

  bucket        = "fanout-tests-versioned-${each.key}"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "source" {
  bucket = aws_s3_bucket.versioned["source"].bucket

  versioning_configuration {
    status = "Enabled"
  }
}

locals {
  # The direct lane runs as many functions at once as there are events; the local AWS gives a queue three.
  destinations = {
    kept = {
      bucket        = aws_s3_bucket.versioned["kept"].bucket
      delivery      = "direct"
      storage_class = "STANDARD_IA"
    }

    mirrored = {
      bucket            = aws_s3_bucket.versioned["mirrored"].bucket
      delivery          = "direct"
      replicate_deletes = true
    }

    queued = {
      bucket            = aws_s3_bucket.versioned["queued"].bucket
      replicate_deletes = true
      replicate_tags    = false
      exclude_prefixes  = ["private/"]
      suffixes          = [".txt", ".bin"]
    }
  }
}

module "versioned" {
  source = "../../../.."

  source_bucket = aws_s3_bucket.versioned["source"].bucket
  destinations  = local.destinations
  function      = { timeout_seconds = 60 }

  alarms          = { actions = [aws_sns_topic.on_call.arn], deletes_per_minute = 2 }
  dashboard       = true
  reconcile       = { schedule = "cron(0 3 1 1 ? *)" }
  replication_log = { enabled = true }
}

resource "aws_sns_topic" "on_call" {
  name = "fanout-tests-versioned-on-call"
}

# What the tests know: as in ../plain.
output "sources" {
  value = {
    versioned = {
      bucket       = aws_s3_bucket.versioned["source"].bucket
      topic_arn    = module.versioned.topic_arn
      destinations = { for key, d in local.destinations : key => merge(module.versioned.destinations[key], { settings = d }) }

      replication_log_table_name = module.versioned.replication_log_table_name
      dashboard_name             = module.versioned.dashboard_name
    }
  }
}
