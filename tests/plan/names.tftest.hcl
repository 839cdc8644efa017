# Names stay readable, fit, and never meet.

mock_provider "aws" {
  source = "./tests/plan/known"
}

variables {
  source_bucket = "photos"
  destinations  = { plain = { bucket = "photos-plain" } }
}

run "names_follow_the_source_bucket" {
  command = plan

  assert {
    condition     = aws_sns_topic.fanout[0].name == "photos-fanout"
    error_message = "The topic must be called <source bucket>-fanout."
  }

  assert {
    condition = (aws_lambda_function.replicate["plain"].function_name == "photos-fanout-plain"
      && aws_iam_role.replicate["plain"].name == "photos-fanout-plain"
      && aws_sqs_queue.work["plain"].name == "photos-fanout-plain"
      && aws_sqs_queue.dead_letter["plain"].name == "photos-fanout-plain-dead-letter"
    && aws_sqs_queue.undelivered["plain"].name == "photos-fanout-plain-undelivered")
    error_message = "A destination's resources must be called <source bucket>-fanout-<key>."
  }
}

run "a_given_name_leaves_the_topic_s_alone" {
  command = plan

  variables {
    name            = "Media_copies"
    dashboard       = true
    replication_log = { enabled = true }
  }

  assert {
    condition     = aws_sns_topic.fanout[0].name == "photos-fanout"
    error_message = "The topic must keep its name."
  }

  assert {
    condition = [
      aws_lambda_function.replicate["plain"].function_name,
      aws_lambda_function.reconcile[0].function_name,
      aws_cloudwatch_metric_alarm.shared["events-lost"].alarm_name,
      aws_cloudwatch_dashboard.fanout[0].dashboard_name,
      aws_dynamodb_table.replication_log[0].name,
      ] == [
      "Media_copies-plain", "Media_copies-reconcile", "Media_copies-events-lost", "Media_copies", "Media_copies-replication-log",
    ]
    error_message = "All other names must begin as name says."
  }
}

run "a_dot_becomes_a_dash_and_a_hash" {
  command = plan

  variables {
    source_bucket = "my.photos"
  }

  assert {
    condition     = aws_sns_topic.fanout[0].name == "my-photos-${substr(sha256("my.photos"), 0, 8)}-fanout"
    error_message = "my.photos and my-photos must not meet."
  }

  assert {
    condition = (
      aws_s3_bucket_notification.source[0].bucket == "my.photos"
      && jsondecode(aws_iam_role_policy.replicate["plain"].policy).Statement[0].Resource == ["arn:aws:s3:::my.photos/*"]
    )
    error_message = "The bucket itself keeps its dots."
  }
}

run "names_of_64_characters_are_kept" {
  command = plan

  variables {
    source_bucket = "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwx" # 51 characters
  }

  assert {
    condition     = aws_lambda_function.replicate["plain"].function_name == "${var.source_bucket}-fanout-plain"
    error_message = "A name that fits must be left as it is."
  }
}

run "longer_names_are_shortened_and_keep_their_key_and_a_hash" {
  command = plan

  variables {
    source_bucket = "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-012345678" # 63
    destinations = {
      a                                = { bucket = "photos-a" }
      abcdefghijklmnopqrstuvwxyz-01234 = { bucket = "photos-b" } # 32
      abcdefghijklmnopqrstuvwxyz-01235 = { bucket = "photos-c" }
    }
  }

  assert {
    condition     = aws_sns_topic.fanout[0].name == "${var.source_bucket}-fanout"
    error_message = "A topic's name has room for every bucket's."
  }

  assert {
    condition = alltrue([for key, function in aws_lambda_function.replicate : (
      length(function.function_name) == 64
      && endswith(function.function_name, "-${substr(sha256("${var.source_bucket}-fanout-${key}"), 0, 8)}-${key}")
      && startswith(var.source_bucket, substr(function.function_name, 0, 22))
    )])
    error_message = "A shortened name must have 64 characters and end in a hash and the key."
  }

  assert {
    condition = alltrue([for key, function in aws_lambda_function.replicate :
      aws_iam_role.replicate[key].name == function.function_name && aws_sqs_queue.work[key].name == function.function_name
    ])
    error_message = "The function, its role and its queue must have one name."
  }

  assert {
    condition = alltrue([for queue in concat(values(aws_sqs_queue.dead_letter), values(aws_sqs_queue.undelivered)) :
      length(queue.name) <= 80
    ])
    error_message = "The names of queues must fit into 80 characters."
  }
}

run "all_queues_of_all_destinations_have_different_names" {
  command = plan

  variables {
    destinations = {
      a                 = { bucket = "photos-a" }
      dead-letter       = { bucket = "photos-b" }
      undelivered       = { bucket = "photos-c" }
      a-dead-letter-box = { bucket = "photos-d" }
    }
  }

  assert {
    condition = length(distinct(concat(
      values(aws_sqs_queue.work)[*].name, values(aws_sqs_queue.dead_letter)[*].name, values(aws_sqs_queue.undelivered)[*].name,
    ))) == 12
    error_message = "Two queues have the same name."
  }
}
