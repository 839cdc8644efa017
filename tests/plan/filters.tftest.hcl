# What SNS lets through: never less than the prefixes ask for.

mock_provider "aws" {
  source = "./tests/plan/known"
}

variables {
  source_bucket = "photos"
  alarms        = { enabled = false }
}

run "without_prefixes_there_is_no_filter" {
  command = plan

  variables {
    destinations = {
      nothing-said   = { bucket = "photos-a" }
      empty          = { bucket = "photos-b", prefixes = [] }
      only-excluding = { bucket = "photos-c", exclude_prefixes = ["a/"], suffixes = [".jpg"] }
    }
  }

  assert {
    condition     = alltrue([for subscription in aws_sns_topic_subscription.destination : subscription.filter_policy == null])
    error_message = "Where every key is wanted there must be no filter."
  }
}

run "prefixes_are_matched_in_the_event_s_body" {
  command = plan

  variables {
    destinations = { a = { bucket = "photos-a", prefixes = ["2024/", "2025/"] } }
  }

  assert {
    condition = (aws_sns_topic_subscription.destination["a"].filter_policy_scope == "MessageBody"
      && aws_sns_topic_subscription.destination["a"].filter_policy
    == jsonencode({ Records = { s3 = { object = { key = [{ prefix = "2024/" }, { prefix = "2025/" }] } } } }))
    error_message = "The filter must compare the keys in the event's records."
  }
}

run "prefixes_are_written_as_keys_are_in_events" {
  command = plan

  variables {
    destinations = {
      space     = { bucket = "photos-a", prefixes = ["my photos/of us/"] }
      plus      = { bucket = "photos-b", prefixes = ["a+b/"] }
      percent   = { bucket = "photos-c", prefixes = ["a%2Fb/"] }
      unicode   = { bucket = "photos-d", prefixes = ["été/", "📷/"] }
      equals    = { bucket = "photos-e", prefixes = ["dt=2025-01-01/x_y.z"] }
      quotes    = { bucket = "photos-f", prefixes = ["\"a\"&<b>/"] }
      two-slash = { bucket = "photos-g", prefixes = ["a//b"] }
    }
  }

  assert {
    condition = {
      for key, subscription in aws_sns_topic_subscription.destination :
      key => jsondecode(subscription.filter_policy).Records.s3.object.key[*].prefix
      } == {
      space     = ["my+photos/of+us/", "my%20photos/of%20us/"]
      plus      = ["a%2Bb/"]
      percent   = ["a%252Fb/"]
      unicode   = ["%C3%A9t%C3%A9/", "%F0%9F%93%B7/"]
      equals    = ["dt%3D2025-01-01/x_y.z"]
      quotes    = ["%22a%22%26%3Cb%3E/"]
      two-slash = ["a//b"]
    }
    error_message = "Prefixes must be form-encoded, slashes kept, spaces in both spellings."
  }
}

run "a_prefix_ends_before_the_first_character_encoders_disagree_on" {
  command = plan

  variables {
    destinations = {
      middle = { bucket = "photos-a", prefixes = ["a~b/", "c*", "d!e", "f'g", "h(i)", "j)k"] }
      first  = { bucket = "photos-b", prefixes = ["~home/", "a/"] }
      same   = { bucket = "photos-c", prefixes = ["a(1)/", "a(2)/"] }
    }
  }

  assert {
    condition = jsondecode(aws_sns_topic_subscription.destination["middle"].filter_policy).Records.s3.object.key[*].prefix == [
      "a", "c", "d", "f", "h", "j",
    ]
    error_message = "A looser filter must stand for what cannot be compared."
  }

  assert {
    condition     = aws_sns_topic_subscription.destination["first"].filter_policy == null
    error_message = "A prefix of which nothing is left must let everything through."
  }

  assert {
    condition     = jsondecode(aws_sns_topic_subscription.destination["same"].filter_policy).Records.s3.object.key[*].prefix == ["a"]
    error_message = "Equal values must be written once."
  }

  assert {
    condition = jsondecode(aws_lambda_function.replicate["middle"].environment[0].variables.DESTINATION).prefixes == [
      "a~b/", "c*", "d!e", "f'g", "h(i)", "j)k",
    ]
    error_message = "The function must compare the whole prefixes."
  }
}

run "as_many_prefixes_as_sns_takes" {
  command = plan

  variables {
    destinations = {
      a = { bucket = "photos-a", prefixes = [for i in range(37) : "${i}/"] }
      b = { bucket = "photos-b", prefixes = concat(["x/"], [for i in range(18) : "${i} /"]) }
    }
  }

  # Values times depth.
  assert {
    condition = alltrue([for subscription in aws_sns_topic_subscription.destination :
      length(jsondecode(subscription.filter_policy).Records.s3.object.key) * 4 <= 150
    ])
    error_message = "SNS takes 150 combinations."
  }
}
