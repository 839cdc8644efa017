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

run "refuses_a_directory_bucket_as_the_source" {
  command         = plan
  expect_failures = [var.source_bucket]

  variables {
    source_bucket = "photos--usw2-az1--x-s3"
  }
}

run "refuses_no_destination_at_all" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = {}
  }
}

run "refuses_an_access_point_as_a_destination" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive-0123456789abcdef0123456789abcd-s3alias" } }
  }
}

run "refuses_a_bucket_that_is_null" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = null } }
  }
}

run "refuses_a_prefix_that_is_null" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", prefixes = [null] } }
  }
}

run "refuses_an_excluded_prefix_that_is_null" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", exclude_prefixes = [null] } }
  }
}

run "refuses_a_suffix_that_is_null" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", suffixes = [null] } }
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

run "refuses_an_empty_storage_class" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", storage_class = "" } }
  }
}

run "refuses_a_kms_alias_for_replicas" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", kms_key_arn = "arn:aws:kms:eu-central-1:012345678901:alias/archive" } }
  }
}

run "refuses_a_kms_key_of_another_region_than_its_destination" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", region = "us-west-2", kms_key_arn = "arn:aws:kms:eu-central-1:012345678901:key/01234567-89ab-cdef-0123-456789abcdef" } }
  }
}

run "refuses_a_kms_key_id_for_replicas" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", kms_key_arn = "01234567-89ab-cdef-0123-456789abcdef" } }
  }
}

run "refuses_the_arn_of_an_incomplete_kms_key_id_for_replicas" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", kms_key_arn = "arn:aws:kms:eu-central-1:012345678901:key/01234567-89ab" } }
  }
}

run "refuses_an_unknown_acl" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", acl = "BucketOwnerFullControl" } }
  }
}

run "refuses_the_acl_of_log_delivery_which_objects_cannot_have" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", acl = "log-delivery-write" } }
  }
}

run "refuses_an_empty_acl" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", acl = "" } }
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

run "refuses_an_empty_prefix" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", prefixes = ["raw/", ""] } }
  }
}

run "refuses_an_empty_suffix" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", suffixes = [".jpg", ""] } }
  }
}

run "refuses_an_empty_exclude_prefix" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", exclude_prefixes = ["tmp/", ""] } }
  }
}

run "refuses_exclude_prefixes_that_leave_nothing_of_a_prefix" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { archive = { bucket = "archive", prefixes = ["raw/a/", "b/"], exclude_prefixes = ["raw/"] } }
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

run "refuses_suffixes_that_do_not_fit_into_the_environment" {
  command         = plan
  expect_failures = [aws_lambda_function.replicate]

  variables {
    destinations = { archive = { bucket = "archive", suffixes = [for i in range(3) : join("", [for j in range(970) : i])] } }
  }
}

run "refuses_exclude_prefixes_that_do_not_fit_into_the_environment" {
  command         = plan
  expect_failures = [aws_lambda_function.replicate]

  variables {
    destinations = { archive = { bucket = "archive", exclude_prefixes = [for i in range(3) : join("", [for j in range(970) : i])] } }
  }
}

run "refuses_prefixes_that_do_not_fit_into_the_role_policy" {
  command         = plan
  expect_failures = [aws_iam_role_policy.replicate]

  variables {
    destinations = { archive = { bucket = "archive", prefixes = [for i in range(37) : "${i}/"], key_prefix = "${join("", [for j in range(170) : "x"])}/" } }
  }
}

run "refuses_more_source_keys_than_fit_into_the_role_policy" {
  command         = plan
  expect_failures = [aws_iam_role_policy.replicate]

  variables {
    source_kms_key_arns = [for i in range(88) : "arn:aws:kms:eu-central-1:012345678901:key/${format("%08d", i)}-89ab-cdef-0123-456789abcdef"]
  }
}

run "refuses_replicating_the_source_bucket_into_itself" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { copy = { bucket = "photos" } }
  }
}

run "refuses_replicas_in_the_source_bucket_that_are_replicated_again" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { copy = { bucket = "photos", key_prefix = "copy/" } }
  }
}

run "refuses_replicas_below_the_prefix_they_come_from" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { copy = { bucket = "photos", prefixes = ["raw/"], strip_prefix = "raw/", key_prefix = "raw/copy/" } }
  }
}

run "refuses_replicas_above_the_prefix_they_come_from" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { copy = { bucket = "photos", prefixes = ["raw/a/"], strip_prefix = "raw/a/", key_prefix = "raw/" } }
  }
}

run "refuses_two_destinations_in_the_source_bucket_that_feed_each_other" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = {
      there = { bucket = "photos", prefixes = ["a/"], strip_prefix = "a/", key_prefix = "b/" }
      back  = { bucket = "photos", prefixes = ["b/"], strip_prefix = "b/", key_prefix = "a/" }
    }
  }
}

run "refuses_two_destinations_in_the_source_bucket_that_feed_each_other_by_the_longer_suffix" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = {
      there = { bucket = "photos", prefixes = ["a/"], strip_prefix = "a/", key_prefix = "b/", suffixes = [".gz"] }
      back  = { bucket = "photos", prefixes = ["b/"], strip_prefix = "b/", key_prefix = "a/", suffixes = [".tar.gz"] }
    }
  }
}

run "refuses_five_destinations_in_the_source_bucket_that_feed_each_other_in_a_ring" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { for i in range(5) : "d${i}" => { bucket = "photos", prefixes = ["${i}/"], strip_prefix = "${i}/", key_prefix = "${(i + 1) % 5}/" } }
  }
}

run "refuses_replicas_in_the_source_bucket_that_are_not_quite_excluded" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { copy = { bucket = "photos", key_prefix = "copy/", exclude_prefixes = ["copy/2024/"] } }
  }
}

run "refuses_replicas_in_the_source_bucket_that_only_another_destination_excludes" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = {
      copy  = { bucket = "photos", key_prefix = "copy/", exclude_prefixes = ["tmp/"] }
      other = { bucket = "archive", exclude_prefixes = ["copy/"] }
    }
  }
}

run "refuses_two_destinations_in_the_source_bucket_that_exclude_only_their_own_replicas" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = {
      one = { bucket = "photos", key_prefix = "one/", exclude_prefixes = ["one/"] }
      two = { bucket = "photos", key_prefix = "two/", exclude_prefixes = ["two/"] }
    }
  }
}

run "refuses_replicas_in_the_source_bucket_that_have_the_suffix_of_what_is_replicated" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { copy = { bucket = "photos", key_prefix = "copy/", suffixes = [".jpg"] } }
  }
}

run "refuses_two_destinations_that_write_the_same_keys_of_one_bucket" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { one = { bucket = "archive" }, two = { bucket = "archive", prefixes = ["raw/"] } }
  }
}

run "refuses_two_destinations_whose_rewritten_keys_meet" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = {
      one = { bucket = "archive", prefixes = ["raw/"], strip_prefix = "raw/", key_prefix = "all/" }
      two = { bucket = "archive", prefixes = ["2025/"], key_prefix = "all/raw/" }
    }
  }
}

run "refuses_two_destinations_in_one_bucket_that_exclude_less_than_the_other_one_writes" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { cold = { bucket = "archive", prefixes = ["raw/"] }, warm = { bucket = "archive", exclude_prefixes = ["raw/2024/"] } }
  }
}

run "refuses_two_destinations_in_one_bucket_whose_excluded_keys_are_renamed" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { cold = { bucket = "archive", prefixes = ["raw/"] }, warm = { bucket = "archive", prefixes = ["2025/"], strip_prefix = "2025/", exclude_prefixes = ["raw/"] } }
  }
}

run "refuses_two_destinations_in_one_bucket_of_which_only_one_has_suffixes" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { one = { bucket = "archive", suffixes = [".jpg"] }, two = { bucket = "archive" } }
  }
}

run "refuses_two_destinations_in_one_bucket_whose_suffixes_end_alike" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = { one = { bucket = "archive", suffixes = [".gz"] }, two = { bucket = "archive", suffixes = [".jpg", ".tar.gz"] } }
  }
}

run "refuses_two_destinations_in_one_bucket_whose_suffixes_are_cut_by_strip_prefix" {
  command         = plan
  expect_failures = [aws_sns_topic_subscription.destination]

  variables {
    destinations = {
      one = { bucket = "archive", prefixes = ["raw.j"], strip_prefix = "raw.j", suffixes = [".jpg"] }
      two = { bucket = "archive", prefixes = ["raw.s"], strip_prefix = "raw.s", suffixes = [".spg"] }
    }
  }
}

run "refuses_a_kms_alias_of_the_source" {
  command         = plan
  expect_failures = [var.source_kms_key_arns]

  variables {
    source_kms_key_arns = ["arn:aws:kms:eu-central-1:012345678901:key/01234567-89ab-cdef-0123-456789abcdef", "arn:aws:kms:eu-central-1:012345678901:alias/photos"]
  }
}

run "refuses_a_kms_key_id_of_the_source" {
  command         = plan
  expect_failures = [var.source_kms_key_arns]

  variables {
    source_kms_key_arns = ["01234567-89ab-cdef-0123-456789abcdef"]
  }
}

run "refuses_every_kms_key_of_the_source_s_account" {
  command         = plan
  expect_failures = [var.source_kms_key_arns]

  variables {
    source_kms_key_arns = ["arn:aws:kms:eu-central-1:012345678901:key/*"]
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

run "refuses_a_runtime_whose_number_looks_newer_and_is_not" {
  command         = plan
  expect_failures = [var.function]

  variables {
    function = { runtime = "python3.9" }
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

run "refuses_a_destination_key_that_means_every_destination" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { all = { bucket = "archive" } }
  }
}

run "refuses_a_destination_key_that_names_the_function_that_compares" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    destinations = { reconcile = { bucket = "archive" } }
  }
}

run "refuses_more_names_than_fit_into_reconcile_s_environment" {
  command         = plan
  expect_failures = [aws_lambda_function.reconcile]

  variables {
    source_bucket = "a-bucket-whose-name-is-as-long-as-the-name-of-a-bucket-may-be-x"
    destinations  = { for n in range(37) : format("abcdefghijklmnopqrstuvwxyz-ab-%02d", n) => { bucket = "copies", key_prefix = format("%02d/", n) } }
  }
}

run "refuses_a_schedule_eventbridge_does_not_know" {
  command         = plan
  expect_failures = [var.reconcile]

  variables {
    reconcile = { schedule = "every day" }
  }
}

run "refuses_a_rate_of_one_in_the_plural" {
  command         = plan
  expect_failures = [var.reconcile]

  variables {
    reconcile = { schedule = "rate(1 hours)" }
  }
}

run "refuses_a_rate_of_several_in_the_singular" {
  command         = plan
  expect_failures = [var.reconcile]

  variables {
    reconcile = { schedule = "rate(5 hour)" }
  }
}

run "refuses_a_cron_expression_that_names_both_days" {
  command         = plan
  expect_failures = [var.reconcile]

  variables {
    reconcile = { schedule = "cron(0 3 * * * *)" }
  }
}

run "refuses_a_schedule_for_a_function_that_is_not_there" {
  command         = plan
  expect_failures = [var.reconcile]

  variables {
    reconcile = { schedule = "rate(1 day)", enabled = false }
  }
}

run "refuses_a_limit_of_deletes_that_is_not_whole" {
  command         = plan
  expect_failures = [var.reconcile]

  variables {
    reconcile = { delete_limit = 0.5 }
  }
}

run "refuses_a_limit_of_no_deletes" {
  command         = plan
  expect_failures = [var.reconcile]

  variables {
    reconcile = { delete_limit = 0 }
  }
}

run "refuses_deletes_of_extra_objects_where_no_destination_replicates_deletes" {
  command         = plan
  expect_failures = [var.reconcile]

  variables {
    reconcile = { delete_extra = true }
  }
}

run "refuses_more_destinations_than_fit_into_the_policy_that_compares" {
  command         = plan
  expect_failures = [aws_iam_role_policy.reconcile]

  variables {
    destinations = { for n in range(50) : format("destination-%02d", n) => { bucket = format("photos-%02d", n) } }
  }
}

run "refuses_an_unknown_event_source" {
  command         = plan
  expect_failures = [var.event_source]

  variables {
    event_source = "eventbridge"
  }
}

run "refuses_an_existing_topic_of_which_no_arn_is_given" {
  command         = plan
  expect_failures = [var.topic_arn]

  variables {
    event_source = "existing_topic"
  }
}

run "refuses_a_topic_next_to_a_notification_the_module_owns" {
  command         = plan
  expect_failures = [var.topic_arn]

  variables {
    topic_arn = "arn:aws:sns:eu-central-1:012345678901:photos"
  }
}

run "refuses_a_topic_next_to_one_the_module_makes" {
  command         = plan
  expect_failures = [var.topic_arn]

  variables {
    event_source = "module_topic"
    topic_arn    = "arn:aws:sns:eu-central-1:012345678901:photos"
  }
}

run "refuses_a_topic_s_name_for_its_arn" {
  command         = plan
  expect_failures = [var.topic_arn]

  variables {
    event_source = "existing_topic"
    topic_arn    = "photos"
  }
}

run "refuses_a_queue_for_a_topic" {
  command         = plan
  expect_failures = [var.topic_arn]

  variables {
    event_source = "existing_topic"
    topic_arn    = "arn:aws:sqs:eu-central-1:012345678901:photos"
  }
}

run "refuses_a_subscription_for_a_topic" {
  command         = plan
  expect_failures = [var.topic_arn]

  variables {
    event_source = "existing_topic"
    topic_arn    = "arn:aws:sns:eu-central-1:012345678901:photos:01234567-89ab-cdef-0123-456789abcdef"
  }
}

run "refuses_a_fifo_topic" {
  command         = plan
  expect_failures = [var.topic_arn]

  variables {
    event_source = "existing_topic"
    topic_arn    = "arn:aws:sns:eu-central-1:012345678901:photos.fifo"
  }
}

run "refuses_22_prefixes_where_events_may_be_eventbridge_s" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    event_source = "module_topic"
    destinations = { archive = { bucket = "archive", prefixes = [for i in range(22) : "${i}/"] } }
  }
}

run "refuses_14_prefixes_with_spaces_where_events_may_be_eventbridge_s" {
  command         = plan
  expect_failures = [var.destinations]

  variables {
    event_source = "module_topic"
    destinations = { archive = { bucket = "archive", prefixes = [for i in range(14) : "${i} /"] } }
  }
}

run "refuses_an_alias_as_the_key" {
  command         = plan
  expect_failures = [var.kms_key_arn]

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:012345678901:alias/fanout"
  }
}

run "refuses_an_alarm_action_that_is_not_an_arn" {
  command         = plan
  expect_failures = [var.alarms]

  variables {
    alarms = { actions = ["on-call"] }
  }
}

run "refuses_more_actions_than_an_alarm_takes" {
  command         = plan
  expect_failures = [var.alarms]

  variables {
    alarms = { actions = [for n in range(6) : "arn:aws:sns:eu-central-1:111122223333:on-call-${n}"] }
  }
}

run "refuses_a_delay_that_makes_every_replica_late" {
  command         = plan
  expect_failures = [var.alarms]

  variables {
    alarms = { replication_delay_minutes = 0 }
  }
}

run "refuses_a_negative_number_of_deletes" {
  command         = plan
  expect_failures = [var.alarms]

  variables {
    alarms = { deletes_per_minute = -1 }
  }
}

run "refuses_a_replication_log_that_keeps_nothing" {
  command         = plan
  expect_failures = [var.replication_log]

  variables {
    replication_log = { enabled = true, retention_days = 0 }
  }
}

run "refuses_a_replication_log_that_keeps_for_more_than_ten_years" {
  command         = plan
  expect_failures = [var.replication_log]

  variables {
    replication_log = { enabled = true, retention_days = 3651 }
  }
}
