# The one plan that is not in a table, because it is another root module's. Nothing of AWS is known.

mock_provider "aws" {}

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
