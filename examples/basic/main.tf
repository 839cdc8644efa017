# force_destroy lets destroy delete objects too, because this example is for trying things out.

resource "aws_s3_bucket" "source" {
  bucket        = "${var.name}-source"
  force_destroy = true
}

resource "aws_s3_bucket" "nearby" {
  bucket        = "${var.name}-nearby"
  force_destroy = true
}

resource "aws_s3_bucket" "overseas" {
  provider = aws.overseas

  bucket        = "${var.name}-overseas"
  force_destroy = true
}

resource "aws_s3_bucket" "reports" {
  bucket        = "${var.name}-reports"
  force_destroy = true
}

# Parts of incomplete uploads are invisible, and cost money.
resource "aws_s3_bucket_lifecycle_configuration" "here" {
  for_each = { nearby = aws_s3_bucket.nearby.bucket, reports = aws_s3_bucket.reports.bucket }

  bucket = each.value

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

module "fanout" {
  # In your own configuration, write the module's address in the registry and a version.
  source = "../.."

  source_bucket = aws_s3_bucket.source.bucket

  destinations = {
    nearby = {
      bucket = aws_s3_bucket.nearby.bucket
    }

    overseas = {
      bucket     = aws_s3_bucket.overseas.bucket
      region     = aws_s3_bucket.overseas.region
      key_prefix = "from-eu-central-1/"
    }

    reports = {
      bucket   = aws_s3_bucket.reports.bucket
      prefixes = ["reports/"]
      delivery = "direct"
    }
  }
}
