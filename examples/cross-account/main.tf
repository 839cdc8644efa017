# force_destroy lets destroy delete objects too, because this example is for trying things out.

resource "aws_s3_bucket" "source" {
  bucket        = "${var.name}-source"
  force_destroy = true
}

module "fanout" {
  # In your own configuration, write the module's address in the registry and a version.
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

# The other account's side. Often somebody else applies it, and gets the statements as text.

data "aws_caller_identity" "partner" {
  provider = aws.partner
}

# A new bucket's owner owns all objects in it, whoever writes them, so no ACL is needed.
resource "aws_s3_bucket" "partner" {
  provider = aws.partner

  bucket        = "${var.name}-partner"
  force_destroy = true
}

# Until this policy exists S3 refuses the function, and events wait in the queue.
resource "aws_s3_bucket_policy" "partner" {
  provider = aws.partner

  bucket = aws_s3_bucket.partner.bucket

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      # Merged with the policy's other statements.
      [{
        Sid       = "DenyInsecureTransport"
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

# Parts of incomplete uploads are invisible, and cost money.
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
