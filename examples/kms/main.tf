# force_destroy lets destroy delete objects too, because this example is for trying things out.

data "aws_caller_identity" "this" {}

locals {
  account_may_manage = {
    Sid       = "AccountMayManage"
    Effect    = "Allow"
    Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.this.account_id}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }
}

# For the topic, the queues and the logs. CloudWatch Logs and S3 try the key as soon as they are to use it, so it
# is created with the statements that they need. The module knows them before it has the key.
resource "aws_kms_key" "fanout" {
  description             = "Topic, queues and logs of the replication of ${var.name}-source."
  deletion_window_in_days = 7
  enable_key_rotation     = true

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.account_may_manage], jsondecode(module.fanout.kms_key_policy_statements["kms_key_arn"]))
  })
}

# For objects, one for each bucket.
resource "aws_kms_key" "objects" {
  for_each = toset(["source", "destination"])

  description             = "Objects of ${var.name}-${each.key}."
  deletion_window_in_days = 7
  enable_key_rotation     = true
}

resource "aws_s3_bucket" "all" {
  for_each = toset(["source", "destination"])

  bucket        = "${var.name}-${each.key}"
  force_destroy = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "all" {
  for_each = aws_s3_bucket.all

  bucket = each.value.bucket

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.objects[each.key].arn
    }
  }
}

# Parts of incomplete uploads are invisible, and cost money.
resource "aws_s3_bucket_lifecycle_configuration" "destination" {
  bucket = aws_s3_bucket.all["destination"].bucket

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

module "fanout" {
  # In your own configuration, write the module's address in the registry and a version.
  source = "../.."

  source_bucket       = aws_s3_bucket.all["source"].bucket
  source_kms_key_arns = [aws_kms_key.objects["source"].arn]
  kms_key_arn         = aws_kms_key.fanout.arn

  destinations = {
    encrypted = {
      bucket      = aws_s3_bucket.all["destination"].bucket
      kms_key_arn = aws_kms_key.objects["destination"].arn
    }
  }
}
