# force_destroy, so that destroy also works when there are objects: this is a place to try things out.

resource "aws_s3_bucket" "source" {
  bucket        = "${var.name}-source"
  force_destroy = true
}

resource "aws_s3_bucket" "destination" {
  for_each = toset(["whole", "reports"])

  bucket        = "${var.name}-${each.key}"
  force_destroy = true
}

# Parts of uploads that were never completed are invisible, and paid for.
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
  # In your own configuration: the module's address in the registry, and a version.
  source = "../.."

  source_bucket = aws_s3_bucket.source.bucket
  event_source  = "module_topic"

  destinations = {
    whole = {
      bucket            = aws_s3_bucket.destination["whole"].bucket
      replicate_deletes = true
    }

    reports = {
      bucket   = aws_s3_bucket.destination["reports"].bucket
      prefixes = ["reports/", "my reports/"]
    }
  }
}

# The bucket tells EventBridge of everything, and a rule passes on what concerns the module. There is no
# transformer: the module reads events as they are.

resource "aws_cloudwatch_event_rule" "objects" {
  name        = "${var.name}-objects"
  description = "Objects of ${aws_s3_bucket.source.bucket} that change."

  event_pattern = jsonencode({
    source = ["aws.s3"]
    detail-type = [
      "Object Created",
      "Object Deleted", # since a destination replicates deletes
      "Object Restore Completed",
      "Object Tags Added",
      "Object Tags Deleted",
    ]
    detail = { bucket = { name = [aws_s3_bucket.source.bucket] } }
  })
}

resource "aws_cloudwatch_event_target" "topic" {
  rule = aws_cloudwatch_event_rule.objects.name
  arn  = module.fanout.topic_arn

  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

# What EventBridge could not hand to the topic within a day.
resource "aws_sqs_queue" "undelivered" {
  name                      = "${var.name}-undelivered"
  message_retention_seconds = 14 * 24 * 60 * 60
  sqs_managed_sse_enabled   = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "RuleMaySend"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "arn:aws:sqs:*:*:${var.name}-undelivered"
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.objects.arn } }
    }]
  })
}

# Last, when everything behind it is ready.
resource "aws_s3_bucket_notification" "source" {
  bucket      = aws_s3_bucket.source.bucket
  eventbridge = true

  depends_on = [
    module.fanout,
    aws_cloudwatch_event_target.topic,
  ]
}
