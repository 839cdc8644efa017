# What the dashboard is recorded from: three destinations of one bucket.

provider "aws" {
  region = "eu-central-1"
}

resource "aws_s3_bucket" "all" {
  for_each = toset(["source", "nearby", "archive", "reports"])

  bucket        = "dashboard-${each.key}"
  force_destroy = true
}

module "fanout" {
  source = "../.."

  source_bucket = aws_s3_bucket.all["source"].bucket
  alarms        = { enabled = false }
  dashboard     = true

  destinations = {
    nearby  = { bucket = aws_s3_bucket.all["nearby"].bucket, replicate_deletes = true }
    archive = { bucket = aws_s3_bucket.all["archive"].bucket }
    reports = { bucket = aws_s3_bucket.all["reports"].bucket }
  }
}

output "destinations" {
  value = module.fanout.destinations
}

output "dashboard_name" {
  value = module.fanout.dashboard_name
}
