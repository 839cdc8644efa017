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
  for_each = toset(["source", "destination"])
}

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
  source_kms_key_arns      = [aws_kms_key.all["source"].arn]
  tags                     = { bucket = aws_s3_bucket.source.id }

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

output "destinations" {
  value = keys(module.fanout.destinations)
}
