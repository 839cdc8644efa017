# Every input of the module in use but topic_arn, which excludes others. What each of them means to you
# is the other examples' subject.
# force_destroy, so that destroy also works when there are objects: this is a place to try things out.

data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

locals {
  account_id = data.aws_caller_identity.this.account_id
  region     = data.aws_region.this.id
  tags       = { project = var.name }
}

resource "aws_s3_bucket" "source" {
  bucket        = "${var.name}-source"
  force_destroy = true
  tags          = local.tags
}

resource "aws_s3_bucket_versioning" "source" {
  bucket = aws_s3_bucket.source.bucket

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket" "destination" {
  for_each = toset(["mirror", "archive", "inbox"])

  bucket        = "${var.name}-${each.key}"
  force_destroy = true
  tags          = local.tags
}

resource "aws_s3_bucket" "overseas" {
  provider = aws.overseas

  bucket        = "${var.name}-overseas"
  force_destroy = true
  tags          = local.tags
}

# Object ACLs are off in new buckets; a destination with an acl needs them.
resource "aws_s3_bucket_ownership_controls" "inbox" {
  bucket = aws_s3_bucket.destination["inbox"].bucket

  rule {
    object_ownership = "BucketOwnerPreferred"
  }
}

# Parts of uploads that were never completed are invisible, and paid for.
resource "aws_s3_bucket_lifecycle_configuration" "destination" {
  for_each = aws_s3_bucket.destination

  bucket = each.value.bucket

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "overseas" {
  provider = aws.overseas

  bucket = aws_s3_bucket.overseas.bucket

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

# One key for everything in this region; see examples/kms for a key's policy in detail.
resource "aws_kms_key" "all" {
  description             = "Objects of ${var.name}-source and their replication."
  deletion_window_in_days = 7
  enable_key_rotation     = true
  tags                    = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AccountMayManage"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "EventsOnTheirWay"
        Effect    = "Allow"
        Principal = { Service = ["s3.amazonaws.com", "sns.amazonaws.com"] }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
      },
      {
        Sid       = "Logs"
        Effect    = "Allow"
        Principal = { Service = "logs.${local.region}.amazonaws.com" }
        Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
        Resource  = "*"
        Condition = { ArnLike = {
          "kms:EncryptionContext:aws:logs:arn" = "arn:aws:logs:${local.region}:${local.account_id}:log-group:/aws/lambda/${var.name}-*"
        } }
      },
    ]
  })
}

resource "aws_s3_bucket_server_side_encryption_configuration" "source" {
  bucket = aws_s3_bucket.source.bucket

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.all.arn
    }
  }
}

# What no role of the module may go beyond, whatever its own policy says.
resource "aws_iam_policy" "boundary" {
  name = "${var.name}-boundary"
  tags = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Replication"
      Effect   = "Allow"
      Action   = ["dynamodb:PutItem", "kms:*", "lambda:*", "logs:*", "s3:*", "sqs:*"]
      Resource = "*"
    }]
  })
}

# Whoever is to be told of alarms subscribes to it.
resource "aws_sns_topic" "on_call" {
  name = "${var.name}-on-call"
  tags = local.tags
}

module "fanout" {
  # In your own configuration: the module's address in the registry, and a version.
  source = "../.."

  source_bucket            = aws_s3_bucket.source.bucket
  source_kms_key_arns      = [aws_kms_key.all.arn]
  event_source             = "bucket_notification"
  name                     = var.name
  kms_key_arn              = aws_kms_key.all.arn
  permissions_boundary_arn = aws_iam_policy.boundary.arn
  tags                     = local.tags

  function = {
    runtime            = "python3.12"
    architecture       = "x86_64"
    memory_mb          = 256
    timeout_seconds    = 600
    log_level          = "DEBUG"
    log_retention_days = 7
  }

  # Every day, and also deletes what is at `mirror` and not in the source.
  reconcile = {
    schedule     = "rate(1 day)"
    delete_extra = true
    delete_limit = 100
  }

  alarms = {
    actions                   = [aws_sns_topic.on_call.arn]
    replication_delay_minutes = 30
    deletes_per_minute        = 1000
  }

  dashboard = true

  replication_log = {
    enabled        = true
    retention_days = 7
  }

  destinations = {
    # As the source is, deletes included.
    mirror = {
      bucket              = aws_s3_bucket.destination["mirror"].bucket
      kms_key_arn         = aws_kms_key.all.arn
      storage_class       = "SOURCE"
      replicate_deletes   = true
      maximum_concurrency = 10
    }

    # All but what is temporary, far away.
    overseas = {
      bucket           = aws_s3_bucket.overseas.bucket
      region           = aws_s3_bucket.overseas.region
      account_id       = local.account_id
      exclude_prefixes = ["tmp/"]
      storage_class    = "STANDARD_IA"
    }

    # Documents, renamed.
    archive = {
      bucket         = aws_s3_bucket.destination["archive"].bucket
      prefixes       = ["documents/"]
      suffixes       = [".pdf", ".txt"]
      strip_prefix   = "documents/"
      key_prefix     = "from-${var.name}/"
      replicate_tags = false
    }

    # Straight from SNS, with an ACL.
    inbox = {
      bucket   = aws_s3_bucket.destination["inbox"].bucket
      prefixes = ["inbox/"]
      acl      = "bucket-owner-full-control"
      delivery = "direct"
    }

    # Nothing is copied before paused is taken away; then all that was kept is.
    later = {
      bucket     = aws_s3_bucket.destination["archive"].bucket
      prefixes   = ["later/"]
      key_prefix = "kept/"
      paused     = true
    }
  }
}
