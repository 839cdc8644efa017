# An unversioned source with every kind of destination, one of them in another account; bucket names with
# dots; and two buckets that replicate each other. ../versioned is applied beside it.

# A bucket name with dots is no part of the local AWS's host name.
provider "aws" {
  region            = "eu-central-1"
  s3_use_path_style = true
}

# LocalStack takes an access key of 12 digits for the account.
provider "aws" {
  alias             = "abroad"
  region            = "us-west-2"
  access_key        = "222222222222"
  secret_key        = "test"
  s3_use_path_style = true
}

# A process of the provider makes one function after the other, each in more than five seconds; this is
# a second process.
provider "aws" {
  alias             = "second"
  region            = "eu-central-1"
  s3_use_path_style = true
}

variable "with_another_destination" {
  type    = bool
  default = false
}

variable "with_replication_log" {
  type    = bool
  default = false
}

resource "aws_s3_bucket" "unversioned" {
  for_each = {
    source  = "fanout.tests.source"
    plain   = "fanout.tests.plain"
    reports = "fanout-tests-reports"
    renamed = "fanout-tests-renamed"
    another = "fanout-tests-another"
  }

  bucket        = each.value
  force_destroy = true
}

resource "aws_s3_bucket" "abroad" {
  provider = aws.abroad

  bucket        = "fanout-tests-abroad"
  force_destroy = true
}

resource "aws_s3_bucket_policy" "abroad" {
  provider = aws.abroad

  bucket = aws_s3_bucket.abroad.bucket
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = jsondecode(module.fanout.destination_bucket_policy_statements["abroad"])
  })
}

locals {
  destinations = {
    plain = {
      bucket = aws_s3_bucket.unversioned["plain"].bucket
    }

    abroad = {
      bucket        = aws_s3_bucket.abroad.bucket
      region        = aws_s3_bucket.abroad.region
      account_id    = "222222222222"
      key_prefix    = "mirror/"
      storage_class = "STANDARD_IA"

      # To hash large objects is most of what the local AWS does for them.
      exclude_prefixes = ["interrupted/"]
    }

    reports = {
      bucket   = aws_s3_bucket.unversioned["reports"].bucket
      prefixes = ["reports/", "größe & more/"]
      delivery = "direct"
    }

    renamed = {
      bucket       = aws_s3_bucket.unversioned["renamed"].bucket
      prefixes     = ["reports/"]
      strip_prefix = "reports/"
      key_prefix   = "archive/"

      replicate_deletes = true
    }
  }

  another_destination = {
    another = {
      bucket = aws_s3_bucket.unversioned["another"].bucket
    }
  }
}

module "fanout" {
  source = "../../../.."

  # The versioned source has them.
  alarms = { enabled = false }

  source_bucket = aws_s3_bucket.unversioned["source"].bucket
  destinations  = merge(local.destinations, { for key, d in local.another_destination : key => d if var.with_another_destination })

  function = { timeout_seconds = 60 }

  reconcile = { schedule = "cron(0 3 1 1 ? *)", delete_extra = true }

  replication_log = { enabled = var.with_replication_log }

  tags = { stack = "fanout-tests" }
}

# There and back

resource "aws_s3_bucket" "pair" {
  for_each = toset(["left", "right"])

  bucket        = "fanout-tests-${each.key}"
  force_destroy = true
}

module "pair" {
  source    = "../../../.."
  for_each  = { left = "right", right = "left" }
  providers = { aws = aws.second }

  source_bucket = aws_s3_bucket.pair[each.key].bucket
  alarms        = { enabled = false }
  reconcile     = { enabled = false }

  destinations = {
    (each.value) = {
      bucket            = aws_s3_bucket.pair[each.value].bucket
      replicate_deletes = true
    }
  }
}

# What the tests know: for each source, its topic, and what was asked for and made for each destination.
output "sources" {
  value = {
    plain = {
      bucket       = aws_s3_bucket.unversioned["source"].bucket
      topic_arn    = module.fanout.topic_arn
      destinations = { for key, d in local.destinations : key => merge(module.fanout.destinations[key], { settings = d }) }

      replication_log_table_name = module.fanout.replication_log_table_name
    }

    left = {
      bucket    = aws_s3_bucket.pair["left"].bucket
      topic_arn = module.pair["left"].topic_arn
      destinations = {
        right = merge(module.pair["left"].destinations["right"], { settings = { bucket = aws_s3_bucket.pair["right"].bucket } })
      }
    }

    right = {
      bucket    = aws_s3_bucket.pair["right"].bucket
      topic_arn = module.pair["right"].topic_arn
      destinations = {
        left = merge(module.pair["right"].destinations["left"], { settings = { bucket = aws_s3_bucket.pair["left"].bucket } })
      }
    }
  }
}
