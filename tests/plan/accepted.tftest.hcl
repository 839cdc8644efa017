# Input that looks odd and is right. Nothing of AWS is known here, as in a first plan.

mock_provider "aws" {}

variables {
  source_bucket = "photos"
  alarms        = { enabled = false }
}

run "accepts_buckets_keys_and_topics_that_are_made_in_the_same_plan" {
  command = plan

  module {
    source = "./tests/plan/unknown"
  }

  assert {
    condition     = output.destinations == ["direct", "encrypted", "queued"]
    error_message = "Destinations must be known before their buckets and keys are."
  }

  assert {
    condition     = output.beside == ["plain"]
    error_message = "Destinations must be known before the topic is."
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
    event_source             = null
    topic_arn                = null
    kms_key_arn              = null
    permissions_boundary_arn = null
    source_kms_key_arns      = null
    reconcile                = { enabled = null, schedule = null, delete_extra = null, delete_limit = null }
    destinations = {
      a = {
        bucket              = "archive"
        region              = null
        account_id          = null
        prefixes            = null
        exclude_prefixes    = null
        suffixes            = null
        strip_prefix        = null
        key_prefix          = null
        storage_class       = null
        kms_key_arn         = null
        acl                 = null
        replicate_deletes   = null
        replicate_tags      = null
        delivery            = null
        maximum_concurrency = null
        paused              = null
      }
    }
    function = {
      runtime            = null
      architecture       = null
      memory_mb          = null
      timeout_seconds    = null
      log_level          = null
      log_retention_days = null
    }
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
      i = { bucket = "archive-i", storage_class = "SOURCE" }
    }
  }
}

run "accepts_every_acl_s3_has_for_objects" {
  command = plan

  variables {
    destinations = { for acl in [
      "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
      "bucket-owner-read", "bucket-owner-full-control",
    ] : acl => { bucket = acl, acl = acl } }
  }
}

run "accepts_keys_of_every_partition_and_of_several_regions" {
  command = plan

  variables {
    source_kms_key_arns = [
      "arn:aws:kms:eu-central-1:012345678901:key/01234567-89ab-cdef-0123-456789abcdef",
      "arn:aws:kms:eu-central-1:012345678901:key/mrk-0123456789abcdef0123456789abcdef",
    ]
    destinations = {
      a = { bucket = "archive-a", kms_key_arn = "arn:aws-us-gov:kms:us-gov-west-1:012345678901:key/01234567-89ab-cdef-0123-456789abcdef" }
      b = { bucket = "archive-b", kms_key_arn = "arn:aws-iso-b:kms:us-isob-east-1:012345678901:key/mrk-0123456789abcdef0123456789abcdef" }
    }
  }
}

run "accepts_the_same_prefix_or_suffix_twice" {
  command = plan

  variables {
    destinations = { a = {
      bucket           = "archive"
      prefixes         = ["a/", "a/", "a/b/"]
      exclude_prefixes = ["a/c/", "a/c/"]
      suffixes         = [".jpg", ".jpg", "g"]
    } }
  }
}

run "accepts_filters_that_just_fit_into_the_environment" {
  command = plan

  # One character more for each is refused.
  variables {
    destinations = { archive = { bucket = "archive", suffixes = [for i in range(3) : join("", [for j in range(969) : i])] } }
  }
}

run "accepts_as_many_source_keys_as_just_fit_into_the_role_policy" {
  command = plan

  # One more is refused.
  variables {
    source_kms_key_arns = [
      for i in range(87) : format("arn:aws:kms:eu-central-1:012345678901:key/%08d-89ab-cdef-0123-456789abcdef", i)
    ]
    destinations = { archive = { bucket = "archive" } }
  }
}

run "accepts_the_source_bucket_as_a_destination_that_does_not_feed_itself" {
  command = plan

  variables {
    destinations = { copy = { bucket = "photos", prefixes = ["raw/"], strip_prefix = "raw/", key_prefix = "copy/" } }
  }
}

run "accepts_replicas_of_a_whole_bucket_in_itself_that_are_excluded" {
  command = plan

  variables {
    destinations = { copy = { bucket = "photos", key_prefix = "copy/", exclude_prefixes = ["copy/"] } }
  }
}

run "accepts_replicas_in_the_source_bucket_of_which_even_more_is_excluded" {
  command = plan

  variables {
    destinations = { copy = { bucket = "photos", key_prefix = "copy/2025/", exclude_prefixes = ["tmp/", "copy/"] } }
  }
}

run "accepts_two_destinations_in_the_source_bucket_that_each_exclude_both_s_replicas" {
  command = plan

  variables {
    destinations = {
      one = { bucket = "photos", key_prefix = "copies/one/", exclude_prefixes = ["copies/"] }
      two = { bucket = "photos", key_prefix = "copies/two/", exclude_prefixes = ["copies/"] }
    }
  }
}

run "accepts_replicas_in_the_source_bucket_whose_suffix_nobody_takes" {
  command = plan

  variables {
    destinations = {
      there = { bucket = "photos", prefixes = ["a/"], strip_prefix = "a/", key_prefix = "b/", suffixes = [".jpg"] }
      back  = { bucket = "photos", prefixes = ["b/"], strip_prefix = "b/", key_prefix = "a/", suffixes = [".png"] }
    }
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

run "accepts_two_destinations_that_share_out_a_bucket_by_prefix" {
  command = plan

  variables {
    destinations = {
      cold = { bucket = "archive", prefixes = ["raw/"], storage_class = "DEEP_ARCHIVE" }
      warm = { bucket = "archive", exclude_prefixes = ["raw/"] }
    }
  }
}

run "accepts_two_destinations_that_share_out_a_bucket_by_prefix_and_rename" {
  command = plan

  variables {
    destinations = {
      cold = { bucket = "archive", prefixes = ["2025/raw/"], strip_prefix = "2025/", key_prefix = "old/" }
      warm = {
        bucket           = "archive"
        prefixes         = ["2025/"]
        strip_prefix     = "2025/"
        key_prefix       = "old/"
        exclude_prefixes = ["2025/raw/", "tmp/"]
      }
    }
  }
}

run "accepts_two_destinations_that_share_out_a_bucket_by_suffix" {
  command = plan

  variables {
    destinations = {
      cold = { bucket = "archive", suffixes = [".raw", ".tiff"], storage_class = "DEEP_ARCHIVE" }
      warm = { bucket = "archive", suffixes = [".jpg", ".png"] }
    }
  }
}
