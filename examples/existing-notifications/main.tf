# What exists already: two buckets notify one topic, and somebody else subscribes to it.
# force_destroy lets destroy delete objects too, because this example is for trying things out.

resource "aws_s3_bucket" "source" {
  for_each = toset(["photos", "invoices"])

  bucket        = "${var.name}-${each.key}"
  force_destroy = true
}

resource "aws_sns_topic" "events" {
  name = "${var.name}-events"
}

resource "aws_sns_topic_policy" "events" {
  arn = aws_sns_topic.events.arn

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "BucketsMayPublish"
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sns:Publish"
      Resource  = aws_sns_topic.events.arn
      Condition = {
        ArnEquals    = { "aws:SourceArn" = values(aws_s3_bucket.source)[*].arn }
        StringEquals = { "aws:SourceAccount" = aws_sns_topic.events.owner }
      }
    }]
  })
}

resource "aws_s3_bucket_notification" "source" {
  for_each = aws_s3_bucket.source

  bucket = each.value.bucket

  topic {
    id        = "events"
    topic_arn = aws_sns_topic.events.arn

    # The module needs the first two, and the third because the destination replicates tags. If it replicated
    # deletes, the module would need s3:ObjectRemoved:* and s3:LifecycleExpiration:* too.
    events = ["s3:ObjectCreated:*", "s3:ObjectRestore:Completed", "s3:ObjectTagging:*"]
  }

  depends_on = [aws_sns_topic_policy.events]
}

resource "aws_sqs_queue" "listener" {
  name                    = "${var.name}-listener"
  sqs_managed_sse_enabled = true

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "TopicMaySend"
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = "arn:aws:sqs:*:*:${var.name}-listener"
      Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.events.arn } }
    }]
  })
}

resource "aws_sns_topic_subscription" "listener" {
  topic_arn            = aws_sns_topic.events.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.listener.arn
  raw_message_delivery = true
}

# What is new: photos is replicated.

resource "aws_s3_bucket" "copy" {
  bucket        = "${var.name}-copy"
  force_destroy = true
}

# Parts of incomplete uploads are invisible, and cost money.
resource "aws_s3_bucket_lifecycle_configuration" "copy" {
  bucket = aws_s3_bucket.copy.bucket

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

  source_bucket = aws_s3_bucket.source["photos"].bucket

  event_source = "existing_topic"
  topic_arn    = aws_sns_topic.events.arn

  destinations = {
    copy = {
      bucket   = aws_s3_bucket.copy.bucket
      prefixes = ["public/"]
    }
  }
}
