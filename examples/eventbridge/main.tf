# force_destroy lets destroy delete objects too, because this example is for trying things out.

resource "aws_s3_bucket" "source" {
  bucket        = "${var.name}-source"
  force_destroy = true
}

resource "aws_s3_bucket" "destination" {
  for_each = toset(["whole", "reports"])

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

# The bucket sends all its events to EventBridge, and a rule sends those that the module needs to its topic.
# There is no input transformer, because the module reads events as they are.

resource "aws_cloudwatch_event_rule" "objects" {
  name        = "${var.name}-objects"
  description = "Objects of ${aws_s3_bucket.source.bucket} that change."

  event_pattern = jsonencode({
    source = ["aws.s3"]
    detail-type = [
      "Object Created",
      "Object Deleted", # because a destination replicates deletes
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

# Events that EventBridge could not deliver to the topic within a day.
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

# Last, so that everything behind it is ready.
resource "aws_s3_bucket_notification" "source" {
  bucket      = aws_s3_bucket.source.bucket
  eventbridge = true

  depends_on = [
    module.fanout,
    aws_cloudwatch_event_target.topic,
  ]
}
