# A versioned source whose module has every option. ../plain is applied beside it.

provider "aws" {
  region            = "eu-central-1"
  s3_use_path_style = true
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
  # Direct delivery runs as many functions at once as there are events; the local AWS gives a queue three.
  versioned_destinations = {
    kept = {
      bucket        = aws_s3_bucket.versioned["kept"].bucket
      delivery      = "direct"
      storage_class = "STANDARD_IA"
    }

    mirrored = {
      bucket            = aws_s3_bucket.versioned["mirrored"].bucket
      delivery          = "direct"
      replicate_deletes = true

      # To hash large objects is most of what the local AWS does for them.
      exclude_prefixes = ["large/"]
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
  destinations  = local.versioned_destinations
  function      = { timeout_seconds = 60 }

  alarms          = { actions = [aws_sns_topic.on_call.arn], deletes_per_minute = 2 }
  dashboard       = true
  reconcile       = { schedule = "cron(0 3 1 1 ? *)" }
  replication_log = { enabled = true }
}

resource "aws_sns_topic" "on_call" {
  name = "fanout-tests-versioned-on-call"
}

# What the tests know: its topic, and what was asked for and made for each destination.
output "sources" {
  value = {
    versioned = {
      bucket       = aws_s3_bucket.versioned["source"].bucket
      topic_arn    = module.versioned.topic_arn
      destinations = { for key, d in local.versioned_destinations : key => merge(module.versioned.destinations[key], { settings = d }) }

      replication_log_table_name = module.versioned.replication_log_table_name
      dashboard_name             = module.versioned.dashboard_name
    }
  }
}
