# Every input of the module except topic_arn, which excludes others. The other examples show what they are for.
# force_destroy lets destroy delete objects too, because this example is for trying things out.

data "aws_caller_identity" "this" {}

locals {
  account_id = data.aws_caller_identity.this.account_id
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

# Object ACLs are off in new buckets. A destination with an acl needs them.
resource "aws_s3_bucket_ownership_controls" "inbox" {
  bucket = aws_s3_bucket.destination["inbox"].bucket

  rule {
    object_ownership = "BucketOwnerPreferred"
  }
}

# Parts of incomplete uploads are invisible, and cost money.
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

# One key for everything in this region. examples/kms explains the key's policy.
resource "aws_kms_key" "all" {
  description             = "Objects of ${var.name}-source and their replication."
  deletion_window_in_days = 7
  enable_key_rotation     = true
  tags                    = local.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "AccountMayManage"
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::${local.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      }],
      jsondecode(module.fanout.kms_key_policy_statements["kms_key_arn"]),
    )
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

# The permissions that no role of the module may exceed, whatever its own policy says.
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

# Subscribe to this topic to be notified of alarms.
resource "aws_sns_topic" "on_call" {
  name = "${var.name}-on-call"
  tags = local.tags
}

module "fanout" {
  # In your own configuration, write the module's address in the registry and a version.
  source = "../.."

  source_bucket            = aws_s3_bucket.source.bucket
  source_kms_key_arns      = [aws_kms_key.all.arn]
  event_source             = "bucket_notification"
  name                     = var.name
  kms_key_arn              = aws_kms_key.all.arn
  role_path                = "/${var.name}/"
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

  # Every day. Also deletes objects that exist in `mirror` and not in the source.
  reconcile = {
    schedule     = "rate(1 day)"
    delete_extra = true
    delete_limit = 100
  }

  alarms = {
    actions                   = [aws_sns_topic.on_call.arn]
    replication_delay_minutes = 30
    deletes_per_minute        = 1000
    runbook_url               = "https://wiki.example.com/replication"
  }

  dashboard = true

  replication_log = {
    enabled        = true
    retention_days = 7
  }

  destinations = {
    # A copy of the source, with deletes.
    mirror = {
      bucket              = aws_s3_bucket.destination["mirror"].bucket
      kms_key_arn         = aws_kms_key.all.arn
      storage_class       = "SOURCE"
      replicate_deletes   = true
      maximum_concurrency = 10
      tags                = { cost-center = "archive" }
    }

    # In another region, everything that is not temporary.
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

    # Without a queue in between, and with an ACL.
    inbox = {
      bucket   = aws_s3_bucket.destination["inbox"].bucket
      prefixes = ["inbox/"]
      acl      = "bucket-owner-full-control"
      delivery = "direct"
    }

    # Events wait in the queue until paused is removed.
    later = {
      bucket     = aws_s3_bucket.destination["archive"].bucket
      prefixes   = ["later/"]
      key_prefix = "kept/"
      paused     = true
    }
  }
}
