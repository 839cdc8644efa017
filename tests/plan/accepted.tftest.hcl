# Input that looks odd and is right. Nothing of AWS is known here, as in a first plan.

mock_provider "aws" {}

variables {
  source_bucket = "photos"
}

run "accepts_buckets_that_are_made_in_the_same_plan" {
  command = plan

  module {
    source = "./tests/plan/unknown"
  }

  assert {
    condition     = output.destinations == ["direct", "queued"]
    error_message = "Destinations must be known before their buckets are."
  }
}

run "accepts_one_destination_with_nothing_but_a_bucket" {
  command = plan

  variables {
    destinations = { a = { bucket = "archive" } }
  }
}

run "accepts_null_for_everything_that_has_a_default" {
  command = plan

  variables {
    name                     = null
    permissions_boundary_arn = null
    destinations = {
      a = {
        bucket        = "archive", region = null, account_id = null, prefixes = null, key_prefix = null, strip_prefix = null
        storage_class = null, delivery = null, maximum_concurrency = null, paused = null
      }
    }
    function = { runtime = null, architecture = null, memory_mb = null, timeout_seconds = null, log_level = null, log_retention_days = null }
  }
}

run "accepts_every_storage_class_region_and_bucket_name_s3_has" {
  command = plan

  variables {
    destinations = {
      a = { bucket = "a.b-c.0", storage_class = "STANDARD", region = "us-gov-west-1" }
      b = { bucket = "abc", storage_class = "REDUCED_REDUNDANCY", region = "eusc-de-east-1" }
      c = { bucket = "0archive", storage_class = "STANDARD_IA", region = "ap-southeast-7" }
      d = { bucket = "archive-d", storage_class = "ONEZONE_IA", region = "us-isob-east-1" }
      e = { bucket = "archive-e", storage_class = "INTELLIGENT_TIERING" }
      f = { bucket = "archive-f", storage_class = "GLACIER_IR" }
      g = { bucket = "archive-g", storage_class = "GLACIER" }
      h = { bucket = "archive-h", storage_class = "DEEP_ARCHIVE" }
    }
  }
}

run "accepts_the_source_bucket_as_a_destination_that_does_not_feed_itself" {
  command = plan

  variables {
    destinations = { copy = { bucket = "photos", prefixes = ["raw/"], strip_prefix = "raw/", key_prefix = "copy/" } }
  }
}

run "accepts_a_chain_within_the_source_bucket_that_ends" {
  command = plan

  variables {
    destinations = {
      first  = { bucket = "photos", prefixes = ["a/"], strip_prefix = "a/", key_prefix = "b/" }
      second = { bucket = "photos", prefixes = ["b/"], strip_prefix = "b/", key_prefix = "c/" }
      away   = { bucket = "archive" }
    }
  }
}

run "accepts_two_destinations_in_one_bucket_whose_keys_do_not_meet" {
  command = plan

  variables {
    destinations = {
      one = { bucket = "archive", key_prefix = "one/" }
      two = { bucket = "archive", key_prefix = "two/", prefixes = ["one/"] }
    }
  }
}
