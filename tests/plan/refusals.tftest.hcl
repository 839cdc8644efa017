# Input that is refused at plan. Nothing of AWS is known here, as in a first plan.

mock_provider "aws" {}

variables {
  source_bucket = "photos"
  destinations  = { archive = { bucket = "archive" } }
}

run "refuses_an_arn_as_the_source_bucket" {
  command         = plan
  expect_failures = [var.source_bucket]

  variables {
    source_bucket = "arn:aws:s3:::photos"
  }
}

run "refuses_a_source_bucket_no_bucket_can_be_called" {
  command         = plan
  expect_failures = [var.source_bucket]

  variables {
    source_bucket = "Photos_2025"
  }
}

run "refuses_no_destination_at_all" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = {}
  }
}

run "refuses_a_capital_in_a_destination_key" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { Archive = { bucket = "archive" } }
  }
}

run "refuses_a_dot_in_a_destination_key" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { "eu.archive" = { bucket = "archive" } }
  }
}

run "refuses_a_dash_at_the_end_of_a_destination_key" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive- = { bucket = "archive" } }
  }
}

run "refuses_a_destination_key_of_33_characters" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { abcdefghijklmnopqrstuvwxyz-012345 = { bucket = "archive" } }
  }
}

run "refuses_a_destination_key_that_names_another_one_s_dead_letter_queue" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { a = { bucket = "archive" }, a-dead-letter = { bucket = "letters" } }
  }
}

run "refuses_a_destination_key_that_names_another_one_s_undelivered_queue" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { a-undelivered = { bucket = "archive" } }
  }
}

run "refuses_an_arn_as_a_destination_bucket" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "arn:aws:s3:::archive" } }
  }
}

run "refuses_a_destination_bucket_no_bucket_can_be_called" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "s3://archive" } }
  }
}

run "refuses_an_availability_zone_as_a_region" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", region = "eu-central-1a" } }
  }
}

run "refuses_an_account_id_that_lost_its_leading_zero" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", account_id = 12345678901 } }
  }
}

run "refuses_an_unknown_storage_class" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", storage_class = "COLD" } }
  }
}

run "refuses_an_unknown_delivery" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", delivery = "Queue" } }
  }
}

run "refuses_a_concurrency_of_one" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", maximum_concurrency = 1 } }
  }
}

run "refuses_a_concurrency_of_1001" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", maximum_concurrency = 1001 } }
  }
}

run "refuses_a_concurrency_that_is_not_whole" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", maximum_concurrency = 2.5 } }
  }
}

run "refuses_a_strip_prefix_that_one_prefix_does_not_start_with" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", prefixes = ["raw/a/", "b/"], strip_prefix = "raw/" } }
  }
}

run "refuses_a_strip_prefix_without_prefixes" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", strip_prefix = "raw/" } }
  }
}

run "refuses_more_prefixes_than_sns_takes" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", prefixes = [for i in range(38) : "${i}/"] } }
  }
}

run "refuses_more_prefixes_with_a_space_than_sns_takes" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", prefixes = [for i in range(19) : "${i} /"] } }
  }
}

run "refuses_prefixes_that_do_not_fit_into_the_environment" {
  command         = plan
  expect_failures = [aws_lambda_function.replicate]

  variables {
    destinations = { archive = { bucket = "archive", prefixes = [for i in range(10) : "${i}/${join("", [for j in range(310) : "x"])}/"] } }
  }
}

run "refuses_characters_of_several_bytes_that_do_not_fit_into_the_environment" {
  command         = plan
  expect_failures = [aws_lambda_function.replicate]

  variables {
    destinations = { archive = { bucket = "archive", prefixes = [for i in range(30) : "${i}/${join("", [for j in range(25) : "📷"])}/"] } }
  }
}

run "refuses_prefixes_that_do_not_fit_into_the_role_policy" {
  command         = plan
  expect_failures = [aws_iam_role_policy.replicate]

  variables {
    destinations = { archive = { bucket = "archive", prefixes = [for i in range(37) : "${i}/"], key_prefix = "${join("", [for j in range(170) : "x"])}/" } }
  }
}

run "refuses_replicating_the_source_bucket_into_itself" {
  command         = plan
  expect_failures = [aws_sns_topic.fanout]

  variables {
    destinations = { copy = { bucket = "photos" } }
  }
}

run "refuses_replicas_in_the_source_bucket_that_are_replicated_again" {
  command         = plan
  expect_failures = [aws_sns_topic.fanout]

  variables {
    destinations = { copy = { bucket = "photos", key_prefix = "copy/" } }
  }
}

run "refuses_replicas_below_the_prefix_they_come_from" {
  command         = plan
  expect_failures = [aws_sns_topic.fanout]

  variables {
    destinations = { copy = { bucket = "photos", prefixes = ["raw/"], strip_prefix = "raw/", key_prefix = "raw/copy/" } }
  }
}

run "refuses_replicas_above_the_prefix_they_come_from" {
  command         = plan
  expect_failures = [aws_sns_topic.fanout]

  variables {
    destinations = { copy = { bucket = "photos", prefixes = ["raw/a/"], strip_prefix = "raw/a/", key_prefix = "raw/" } }
  }
}

run "refuses_two_destinations_in_the_source_bucket_that_feed_each_other" {
  command         = plan
  expect_failures = [aws_sns_topic.fanout]

  variables {
    destinations = {
      there = { bucket = "photos", prefixes = ["a/"], strip_prefix = "a/", key_prefix = "b/" }
      back  = { bucket = "photos", prefixes = ["b/"], strip_prefix = "b/", key_prefix = "a/" }
    }
  }
}

run "refuses_five_destinations_in_the_source_bucket_that_feed_each_other_in_a_ring" {
  command         = plan
  expect_failures = [aws_sns_topic.fanout]

  variables {
    destinations = { for i in range(5) : "d${i}" => { bucket = "photos", prefixes = ["${i}/"], strip_prefix = "${i}/", key_prefix = "${(i + 1) % 5}/" } }
  }
}

run "refuses_two_destinations_that_write_the_same_keys_of_one_bucket" {
  command         = plan
  expect_failures = [aws_sns_topic.fanout]

  variables {
    destinations = { one = { bucket = "archive" }, two = { bucket = "archive", prefixes = ["raw/"] } }
  }
}

run "refuses_two_destinations_whose_rewritten_keys_meet" {
  command         = plan
  expect_failures = [aws_sns_topic.fanout]

  variables {
    destinations = {
      one = { bucket = "archive", prefixes = ["raw/"], strip_prefix = "raw/", key_prefix = "all/" }
      two = { bucket = "archive", prefixes = ["2025/"], key_prefix = "all/raw/" }
    }
  }
}

run "refuses_a_name_with_a_dot" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = "media.copies"
  }
}

run "refuses_an_empty_name" {
  command         = plan
  expect_failures = [var.name]

  variables {
    name = ""
  }
}

run "refuses_a_runtime_that_is_not_python" {
  command         = plan
  expect_failures = [var.function]

  variables {
    function = { runtime = "nodejs22.x" }
  }
}

run "refuses_a_runtime_older_than_the_code" {
  command         = plan
  expect_failures = [var.function]

  variables {
    function = { runtime = "python3.10" }
  }
}

run "refuses_an_unknown_architecture" {
  command         = plan
  expect_failures = [var.function]

  variables {
    function = { architecture = "arm" }
  }
}

run "refuses_too_little_memory" {
  command         = plan
  expect_failures = [var.function]

  variables {
    function = { memory_mb = 64 }
  }
}

run "refuses_too_much_memory" {
  command         = plan
  expect_failures = [var.function]

  variables {
    function = { memory_mb = 10241 }
  }
}

run "refuses_no_time_to_run" {
  command         = plan
  expect_failures = [var.function]

  variables {
    function = { timeout_seconds = 0 }
  }
}

run "refuses_more_time_than_lambda_gives" {
  command         = plan
  expect_failures = [var.function]

  variables {
    function = { timeout_seconds = 901 }
  }
}

run "refuses_an_unknown_log_level" {
  command         = plan
  expect_failures = [var.function]

  variables {
    function = { log_level = "info" }
  }
}

run "refuses_a_log_retention_cloudwatch_does_not_have" {
  command         = plan
  expect_failures = [var.function]

  variables {
    function = { log_retention_days = 31 }
  }
}

run "refuses_a_permissions_boundary_that_is_not_an_arn" {
  command         = plan
  expect_failures = [var.permissions_boundary_arn]

  variables {
    permissions_boundary_arn = "boundary"
  }
}
