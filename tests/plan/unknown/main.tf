# A caller who makes everything in the same configuration: at the first plan every name is unknown.

resource "aws_s3_bucket" "source" {
  bucket_prefix = "source-"
}

resource "aws_s3_bucket" "destination" {
  bucket_prefix = "destination-"
}

resource "aws_iam_policy" "boundary" {
  policy = "{}"
}

resource "aws_kms_key" "all" {
  for_each = toset(["source", "destination", "queues"])
}

resource "aws_sns_topic" "events" {
}

resource "aws_sns_topic" "on_call" {}

resource "terraform_data" "unknown" {
  input = {
    account_id = "444455556666"
    prefix     = "raw/"
    suffix     = ".jpg"
    yes        = true
  }
}

module "fanout" {
  source = "../../.."

  source_bucket            = aws_s3_bucket.source.id
  name                     = aws_s3_bucket.source.id
  permissions_boundary_arn = aws_iam_policy.boundary.arn
  kms_key_arn              = aws_kms_key.all["queues"].arn
  source_kms_key_arns      = [aws_kms_key.all["source"].arn]
  tags                     = { bucket = aws_s3_bucket.source.id }
  alarms                   = { actions = [aws_sns_topic.on_call.arn] }
  dashboard                = true
  replication_log          = { enabled = true }

  reconcile = { delete_extra = terraform_data.unknown.output.yes }

  destinations = {
    queued = {
      bucket            = aws_s3_bucket.destination.id
      region            = aws_s3_bucket.destination.region
      account_id        = terraform_data.unknown.output.account_id
      prefixes          = [terraform_data.unknown.output.prefix]
      exclude_prefixes  = [terraform_data.unknown.output.prefix]
      suffixes          = [terraform_data.unknown.output.suffix]
      strip_prefix      = terraform_data.unknown.output.prefix
      key_prefix        = terraform_data.unknown.output.prefix
      storage_class     = terraform_data.unknown.output.prefix
      kms_key_arn       = aws_kms_key.all["destination"].arn
      acl               = terraform_data.unknown.output.prefix
      replicate_deletes = terraform_data.unknown.output.yes
      replicate_tags    = terraform_data.unknown.output.yes
    }

    encrypted = {
      bucket      = "archive"
      kms_key_arn = aws_kms_key.all["destination"].arn
    }

    direct = {
      bucket   = aws_s3_bucket.destination.id
      delivery = "direct"
    }
  }
}

module "beside" {
  source = "../../.."

  source_bucket = aws_s3_bucket.source.id
  event_source  = "existing_topic"
  topic_arn     = aws_sns_topic.events.arn

  destinations = {
    plain = { bucket = aws_s3_bucket.destination.id }
  }
}

output "beside" {
  value = keys(module.beside.destinations)
}

output "destinations" {
  value = keys(module.fanout.destinations)
}
