# force_destroy, so that destroy also works when there are objects: this is a place to try things out.

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

module "fanout" {
  # In your own configuration: the module's address in the registry, and a version.
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
