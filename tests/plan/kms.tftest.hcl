# A key of the user's own, for the topic, the queues and the log groups.

mock_provider "aws" {
  source = "./tests/plan/known"
}

variables {
  source_bucket = "photos"
  kms_key_arn   = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
  destinations = {
    plain  = { bucket = "photos-plain" }
    direct = { bucket = "photos-direct", delivery = "direct" }
  }
  alarms = { enabled = false }
}

run "without_a_key_the_services_own_keys_are_used" {
  command = plan

  variables {
    kms_key_arn = null
  }

  assert {
    condition = (
      aws_sns_topic.fanout[0].kms_master_key_id == null
      && alltrue([for queue in concat(values(aws_sqs_queue.work), values(aws_sqs_queue.dead_letter)) :
        queue.sqs_managed_sse_enabled && queue.kms_master_key_id == null
      ])
      && alltrue([for group in aws_cloudwatch_log_group.function : group.kms_key_id == null])
      && alltrue([for policy in aws_iam_role_policy.replicate : !strcontains(policy.policy, "kms:")])
    )
    error_message = "Nothing may name a key that was not given."
  }
}

run "the_key_encrypts_the_topic_the_queues_and_the_logs" {
  command = plan

  assert {
    condition = (
      aws_sns_topic.fanout[0].kms_master_key_id == var.kms_key_arn
      && alltrue([for queue in concat(values(aws_sqs_queue.work), values(aws_sqs_queue.dead_letter)) :
        queue.kms_master_key_id == var.kms_key_arn
      ])
      && alltrue([for group in concat(values(aws_cloudwatch_log_group.function), aws_cloudwatch_log_group.reconcile) :
        group.kms_key_id == var.kms_key_arn
      ])
    )
    error_message = "Topic, work queues, dead-letter queues and log groups must be encrypted with the key."
  }
}

run "what_sns_cannot_deliver_does_not_depend_on_the_key" {
  command = plan

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.undelivered : queue.sqs_managed_sse_enabled && queue.kms_master_key_id == null])
    error_message = "When the key is why SNS failed, what it keeps must not need the key."
  }
}

run "the_functions_may_use_the_key" {
  command = plan

  assert {
    condition = alltrue([for policy in concat(values(aws_iam_role_policy.replicate), aws_iam_role_policy.reconcile) :
      [for statement in jsondecode(policy.policy).Statement : statement if statement.Sid == "UseQueues"] == jsondecode(jsonencode([{
        Sid      = "UseQueues"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = [var.kms_key_arn]
      }]))
    ])
    error_message = "A function receives from its queue and sends dead-letter messages; reconcile sends to the queues."
  }
}

run "an_output_says_what_the_key_s_policy_must_contain" {
  command = plan

  assert {
    condition = [for statement in jsondecode(output.kms_key_policy_statements.kms_key_arn) :
      { for name, value in statement : name => value if name != "Sid" }
      ] == jsondecode(jsonencode([
        {
          Effect    = "Allow"
          Principal = { Service = ["s3.amazonaws.com"] }
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = "*"
        },
        {
          Effect    = "Allow"
          Principal = { Service = ["sns.amazonaws.com"] }
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = "*"
        },
        {
          Effect    = "Allow"
          Principal = { Service = ["logs.eu-central-1.amazonaws.com"] }
          Action    = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
          Resource  = "*"
          Condition = { ArnEquals = { "kms:EncryptionContext:aws:logs:arn" = [
            "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/photos-fanout-direct",
            "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/photos-fanout-plain",
            "arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/photos-fanout-reconcile",
          ] } }
        },
        {
          Effect    = "Allow"
          Principal = { AWS = "arn:aws:iam::111122223333:root" }
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = "*"
          Condition = { ArnEquals = { "aws:PrincipalArn" = [
            "arn:aws:iam::111122223333:role/photos-fanout-direct",
            "arn:aws:iam::111122223333:role/photos-fanout-plain",
            "arn:aws:iam::111122223333:role/photos-fanout-reconcile",
          ] } }
        },
    ]))
    error_message = "The statements are not what they should be."
  }

  assert {
    condition = (
      alltrue([for statement in jsondecode(output.kms_key_policy_statements.kms_key_arn) : can(regex("^[A-Za-z0-9]+$", statement.Sid))])
      && length(distinct(jsondecode(output.kms_key_policy_statements.kms_key_arn)[*].Sid)) == 4
    )
    error_message = "Statements of one policy need different names of letters and digits."
  }
}

run "rules_of_eventbridge_use_the_key_of_a_module_topic" {
  command = plan

  variables {
    event_source = "module_topic"
  }

  assert {
    condition = jsondecode(output.kms_key_policy_statements.kms_key_arn)[0].Principal.Service == [
      "s3.amazonaws.com", "events.amazonaws.com",
    ]
    error_message = "Both may be connected to the topic."
  }
}

run "no_statement_names_a_function_that_does_not_exist" {
  command = plan

  variables {
    reconcile = { enabled = false }
  }

  assert {
    condition     = !strcontains(output.kms_key_policy_statements.kms_key_arn, "reconcile")
    error_message = "Without the reconcile function nothing may name it."
  }
}

run "who_publishes_to_an_existing_topic_is_not_the_module_s_concern" {
  command = plan

  variables {
    event_source = "existing_topic"
    topic_arn    = "arn:aws:sns:eu-central-1:111122223333:photos"
  }

  assert {
    condition = jsondecode(output.kms_key_policy_statements.kms_key_arn)[*].Principal == jsondecode(jsonencode([
      { Service = ["sns.amazonaws.com"] },
      { Service = ["logs.eu-central-1.amazonaws.com"] },
      { AWS = "arn:aws:iam::111122223333:root" },
    ]))
    error_message = "The topic and its key are somebody else's."
  }
}
