# force_destroy, so that destroy also works when there are objects: this is a place to try things out.

resource "aws_s3_bucket" "source" {
  bucket        = "${var.name}-source"
  force_destroy = true
}

# Not needed. With it, the destinations keep the newest version that survives a delete.
resource "aws_s3_bucket_versioning" "source" {
  bucket = aws_s3_bucket.source.bucket

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket" "ireland" {
  provider = aws.ireland

  bucket        = "${var.name}-ireland"
  force_destroy = true
}

resource "aws_s3_bucket" "sydney" {
  provider = aws.sydney

  bucket        = "${var.name}-sydney"
  force_destroy = true
}

# Parts of uploads that were never completed are invisible, and paid for.
resource "aws_s3_bucket_lifecycle_configuration" "ireland" {
  provider = aws.ireland

  bucket = aws_s3_bucket.ireland.bucket

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "sydney" {
  provider = aws.sydney

  bucket = aws_s3_bucket.sydney.bucket

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

# Everything the module makes is in the source bucket's region: that of its provider.
module "fanout" {
  # In your own configuration: the module's address in the registry, and a version.
  source = "../.."

  source_bucket = aws_s3_bucket.source.bucket

  destinations = {
    ireland = {
      bucket = aws_s3_bucket.ireland.bucket
      region = aws_s3_bucket.ireland.region
    }

    sydney = {
      bucket        = aws_s3_bucket.sydney.bucket
      region        = aws_s3_bucket.sydney.region
      storage_class = "STANDARD_IA"
    }
  }
}
