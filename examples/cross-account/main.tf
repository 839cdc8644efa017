# force_destroy, so that destroy also works when there are objects: this is a place to try things out.

resource "aws_s3_bucket" "source" {
  bucket        = "${var.name}-source"
  force_destroy = true
}

module "fanout" {
  # In your own configuration: the module's address in the registry, and a version.
  source = "../.."

  source_bucket = aws_s3_bucket.source.bucket

  destinations = {
    partner = {
      bucket     = aws_s3_bucket.partner.bucket
      account_id = data.aws_caller_identity.partner.account_id
      prefixes   = ["for-partner/"]
      key_prefix = "from-us/"
    }
  }
}

# The other account's side. Often somebody else applies it, with the statements handed over as text.

data "aws_caller_identity" "partner" {
  provider = aws.partner
}

# New buckets own all their objects, whoever writes them: no ACL is needed.
resource "aws_s3_bucket" "partner" {
  provider = aws.partner

  bucket        = "${var.name}-partner"
  force_destroy = true
}

# Until it is there the function is refused, and what it was to copy waits in the queue.
resource "aws_s3_bucket_policy" "partner" {
  provider = aws.partner

  bucket = aws_s3_bucket.partner.bucket

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      # Merged with what the policy says otherwise.
      [{
        Sid       = "NothingInPlainText"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.partner.arn, "${aws_s3_bucket.partner.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      jsondecode(module.fanout.destination_bucket_policy_statements["partner"]),
    )
  })
}

# Parts of uploads that were never completed are invisible, and paid for.
resource "aws_s3_bucket_lifecycle_configuration" "partner" {
  provider = aws.partner

  bucket = aws_s3_bucket.partner.bucket

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}
