# Which events the bucket sends: those that some destination follows.

mock_provider "aws" {
  source = "./tests/plan/known"
}

variables {
  source_bucket = "photos"
  destinations  = { plain = { bucket = "photos-plain" } }
  alarms        = { enabled = false }
}

run "the_topic_is_notified_of_objects_that_are_created_restored_or_tagged" {
  command = plan

  assert {
    condition = (
      aws_s3_bucket_notification.source[0].bucket == "photos"
      && aws_s3_bucket_notification.source[0].topic[*].topic_arn == tolist([aws_sns_topic.fanout[0].arn])
    )
    error_message = "The source bucket must notify the topic."
  }

  assert {
    condition = aws_s3_bucket_notification.source[0].topic[0].events == toset([
      "s3:ObjectCreated:*", "s3:ObjectRestore:Completed", "s3:ObjectTagging:*",
    ])
    error_message = "By default tags are followed and deletions are not."
  }

  assert {
    condition     = coalesce(aws_s3_bucket_notification.source[0].topic[0].filter_prefix, "none") == "none"
    error_message = "Every destination has its own filter, so the bucket must have none."
  }
}

run "the_topic_is_not_notified_of_tags_that_nobody_copies" {
  command = plan

  variables {
    destinations = { a = { bucket = "photos-a", replicate_tags = false }, b = { bucket = "photos-b", replicate_tags = false } }
  }

  assert {
    condition     = aws_s3_bucket_notification.source[0].topic[0].events == toset(["s3:ObjectCreated:*", "s3:ObjectRestore:Completed"])
    error_message = "Nobody follows tags or deletions."
  }
}

run "the_topic_is_notified_of_deletes_and_expirations_if_one_of_several_destinations_follows_them" {
  command = plan

  variables {
    destinations = {
      a = { bucket = "photos-a", replicate_tags = false }
      b = { bucket = "photos-b", replicate_tags = false, replicate_deletes = true }
    }
  }

  assert {
    condition = aws_s3_bucket_notification.source[0].topic[0].events == toset([
      "s3:ObjectCreated:*", "s3:ObjectRestore:Completed", "s3:LifecycleExpiration:*", "s3:ObjectRemoved:*",
    ])
    error_message = "One follows deletions, nobody tags."
  }
}

run "the_topic_is_notified_of_everything_if_one_destination_follows_tags_and_another_deletes" {
  command = plan

  variables {
    destinations = { a = { bucket = "photos-a" }, b = { bucket = "photos-b", replicate_tags = false, replicate_deletes = true } }
  }

  assert {
    condition = aws_s3_bucket_notification.source[0].topic[0].events == toset([
      "s3:ObjectCreated:*", "s3:ObjectRestore:Completed", "s3:ObjectTagging:*", "s3:LifecycleExpiration:*", "s3:ObjectRemoved:*",
    ])
    error_message = "One follows tags and one deletions."
  }
}
