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

resource "terraform_data" "unknown" {
  input = {
    account_id = "444455556666"
    prefix     = "raw/"
  }
}

module "fanout" {
  source = "../../.."

  source_bucket            = aws_s3_bucket.source.id
  name                     = aws_s3_bucket.source.id
  permissions_boundary_arn = aws_iam_policy.boundary.arn
  tags                     = { bucket = aws_s3_bucket.source.id }

  destinations = {
    queued = {
      bucket        = aws_s3_bucket.destination.id
      region        = aws_s3_bucket.destination.region
      account_id    = terraform_data.unknown.output.account_id
      prefixes      = [terraform_data.unknown.output.prefix]
      strip_prefix  = terraform_data.unknown.output.prefix
      key_prefix    = terraform_data.unknown.output.prefix
      storage_class = terraform_data.unknown.output.prefix
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
