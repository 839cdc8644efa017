# What the integration tests apply once: every kind of destination, and bucket names with dots.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}

provider "aws" {
  alias  = "abroad"
  region = "us-west-2"
}

variable "with_another_destination" {
  type    = bool
  default = false
}

resource "aws_s3_bucket" "source" {
  bucket        = "fanout.tests.source"
  force_destroy = true
}

resource "aws_s3_bucket" "plain" {
  bucket        = "fanout.tests.plain"
  force_destroy = true
}

resource "aws_s3_bucket" "abroad" {
  provider = aws.abroad

  bucket        = "fanout-tests-abroad"
  force_destroy = true
}

resource "aws_s3_bucket" "reports" {
  bucket        = "fanout-tests-reports"
  force_destroy = true
}

resource "aws_s3_bucket" "renamed" {
  bucket        = "fanout-tests-renamed"
  force_destroy = true
}

resource "aws_s3_bucket" "another" {
  bucket        = "fanout-tests-another"
  force_destroy = true
}

locals {
  destinations = {
    plain = {
      bucket = aws_s3_bucket.plain.bucket
    }

    abroad = {
      bucket        = aws_s3_bucket.abroad.bucket
      region        = aws_s3_bucket.abroad.region
      key_prefix    = "mirror/"
      storage_class = "STANDARD_IA"
    }

    reports = {
      bucket   = aws_s3_bucket.reports.bucket
      prefixes = ["reports/", "größe & more/"]
      delivery = "direct"
    }

    renamed = {
      bucket       = aws_s3_bucket.renamed.bucket
      prefixes     = ["reports/"]
      strip_prefix = "reports/"
      key_prefix   = "archive/"
    }
  }

  another_destination = {
    another = {
      bucket = aws_s3_bucket.another.bucket
    }
  }
}

module "fanout" {
  source = "../../.."

  source_bucket = aws_s3_bucket.source.bucket
  destinations  = merge(local.destinations, { for key, d in local.another_destination : key => d if var.with_another_destination })

  # Short, because a test waits for the end of a function that hangs.
  function = { timeout_seconds = 6 }

  tags = { stack = "fanout-tests" }
}

output "source_bucket" {
  value = aws_s3_bucket.source.bucket
}

output "topic_arn" {
  value = module.fanout.topic_arn
}

output "destinations" {
  value = { for key, made in module.fanout.destinations : key => merge(made, { settings = local.destinations[key] }) if contains(keys(local.destinations), key) }
}
