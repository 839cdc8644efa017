# force_destroy lets destroy delete objects too, because this example is for trying things out.

resource "aws_s3_bucket" "source" {
  bucket        = "${var.name}-source"
  force_destroy = true
}

# Optional. With versioning, the destinations keep the newest version that survives a delete.
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

# Parts of incomplete uploads are invisible, and cost money.
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

# The module creates everything in the source bucket's region, which is its provider's.
module "fanout" {
  # In your own configuration, write the module's address in the registry and a version.
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
