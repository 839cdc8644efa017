# The plans that are not in a table, because they are of other root modules.

mock_provider "aws" {
  source = "./tests/plan/known"
}

mock_provider "aws" {
  alias  = "other"
  source = "./tests/plan/known"
}

run "buckets_keys_and_topics_may_be_made_in_the_same_plan" {
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

run "the_module_may_be_called_in_every_way" {
  command = plan

  module {
    source = "./tests/plan/compositions"
  }

  providers = {
    aws       = aws
    aws.other = aws.other
  }

  assert {
    condition     = output.destinations == [["archive"], ["archive", "mirror"], ["archive"], ["direct", "queued"], []]
    error_message = "Destinations must be known however the module is called."
  }

  assert {
    condition     = strcontains(output.key_policy, "FanoutWritesLogs")
    error_message = "A key's policy must be known before the key is made."
  }

  assert {
    condition     = output.policies == ["direct", "queued"]
    error_message = "Other accounts' policies must be known by their destinations before the accounts are."
  }
}
