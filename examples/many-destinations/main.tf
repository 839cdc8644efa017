# force_destroy lets destroy delete objects too, because this example is for trying things out.

resource "aws_s3_bucket" "source" {
  bucket        = "${var.name}-source"
  force_destroy = true
}

resource "aws_s3_bucket" "destination" {
  for_each = toset(["mirror", "web", "archive"])

  bucket        = "${var.name}-${each.key}"
  force_destroy = true
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

module "fanout" {
  # In your own configuration, write the module's address in the registry and a version.
  source = "../.."

  source_bucket = aws_s3_bucket.source.bucket

  destinations = {
    # Everything except drafts, with deletes.
    mirror = {
      bucket            = aws_s3_bucket.destination["mirror"].bucket
      exclude_prefixes  = ["drafts/"]
      replicate_deletes = true
    }

    # photos/2025/a.jpg becomes img/2025/a.jpg, without its tags.
    web = {
      bucket         = aws_s3_bucket.destination["web"].bucket
      prefixes       = ["photos/"]
      suffixes       = [".jpg", ".png"]
      strip_prefix   = "photos/"
      key_prefix     = "img/"
      replicate_tags = false
    }

    # Two destinations share a bucket. They write different keys.
    raw = {
      bucket        = aws_s3_bucket.destination["archive"].bucket
      prefixes      = ["photos/"]
      suffixes      = [".raw"]
      storage_class = "GLACIER_IR"
    }

    reports = {
      bucket     = aws_s3_bucket.destination["archive"].bucket
      prefixes   = ["reports/", "Jahresberichte & mehr/"]
      key_prefix = "text/"
    }
  }
}
