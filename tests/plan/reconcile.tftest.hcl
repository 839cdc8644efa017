# The function that compares: there by default, and allowed what it does.

mock_provider "aws" {
  source = "./tests/plan/known"
}

variables {
  source_bucket = "photos"
  destinations = {
    plain  = { bucket = "photos-plain" }
    direct = { bucket = "photos-direct", region = "us-west-2", delivery = "direct", replicate_deletes = true }
  }
  alarms = { enabled = false }
}

run "it_is_there_by_default_and_starts_by_hand" {
  command = plan

  variables {
    destinations = {
      plain  = { bucket = "photos-plain" }
      direct = { bucket = "photos-direct", region = "us-west-2", delivery = "direct", replicate_deletes = true }
    }
  }

  assert {
    condition = (
      aws_lambda_function.reconcile[0].function_name == "photos-fanout-reconcile"
      && aws_lambda_function.reconcile[0].handler == "fanout.reconcile.handler.handle"
      && aws_lambda_function.reconcile[0].timeout == 900
      && aws_cloudwatch_log_group.reconcile[0].name == "/aws/lambda/photos-fanout-reconcile"
      && aws_cloudwatch_log_group.reconcile[0].retention_in_days == 30
      && length(aws_cloudwatch_event_rule.reconcile) == 0
      && length(aws_lambda_permission.schedule) == 0
    )
    error_message = "There must be one function with a log group, and nothing that starts it."
  }

  assert {
    condition = aws_lambda_function.reconcile[0].environment[0].variables == tomap({
      RECONCILE = jsonencode({
        delete_extra = false
        delete_limit = 1000
        functions    = { direct = "photos-fanout-direct", plain = "photos-fanout-plain" }
        log_level    = "INFO"
        region       = "eu-central-1"
      })
    })
    error_message = "It must know the destinations' functions and what it may do."
  }

  assert {
    condition = output.destinations["plain"].reconcile_command == join(" ", [
      "echo '{\"destination\":\"plain\",\"mode\":\"audit\"}' | aws lambda invoke --region eu-central-1",
      "--function-name photos-fanout-reconcile --cli-read-timeout 0 --payload fileb:///dev/stdin /dev/stdout",
    ])
    error_message = "The command must audit one destination."
  }
}

run "only_it_may_invoke_itself_for_as_long_as_it_takes" {
  command = plan

  variables {
    destinations = { plain = { bucket = "photos-plain" } }
  }

  assert {
    condition = (
      aws_lambda_function_recursion_config.reconcile[0].recursive_loop == "Allow"
      && aws_lambda_function_recursion_config.reconcile[0].function_name == "photos-fanout-reconcile"
    )
    error_message = "Lambda must not take a long run for a loop."
  }
}

run "its_role_may_list_and_queue_and_nothing_else" {
  command = plan

  variables {
    destinations = {
      plain  = { bucket = "photos-plain" }
      direct = { bucket = "photos-direct", region = "us-west-2", delivery = "direct", replicate_deletes = true }
    }
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.reconcile[0].policy) == jsondecode(jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "ListObjects"
          Effect   = "Allow"
          Action   = ["s3:ListBucket"]
          Resource = ["arn:aws:s3:::photos", "arn:aws:s3:::photos-direct", "arn:aws:s3:::photos-plain"]
        },
        {
          Sid      = "ListOpenUploads"
          Effect   = "Allow"
          Action   = ["s3:ListBucketMultipartUploads"]
          Resource = ["arn:aws:s3:::photos-direct", "arn:aws:s3:::photos-plain"]
        },
        {
          Sid    = "SendToQueues"
          Effect = "Allow"
          Action = ["sqs:SendMessage"]
          Resource = [
            "arn:aws:sqs:eu-central-1:111122223333:photos-fanout-direct",
            "arn:aws:sqs:eu-central-1:111122223333:photos-fanout-plain",
          ]
        },
        {
          Sid    = "ReadSettings"
          Effect = "Allow"
          Action = ["lambda:GetFunctionConfiguration"]
          Resource = [
            "arn:aws:lambda:eu-central-1:111122223333:function:photos-fanout-direct",
            "arn:aws:lambda:eu-central-1:111122223333:function:photos-fanout-plain",
          ]
        },
        {
          Sid      = "InvokeItself"
          Effect   = "Allow"
          Action   = ["lambda:InvokeFunction"]
          Resource = ["arn:aws:lambda:eu-central-1:111122223333:function:photos-fanout-reconcile"]
        },
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/photos-fanout-reconcile:*"]
        },
      ]
    }))
    error_message = "The role policy of the reconcile function is not what it should be."
  }

  assert {
    condition     = aws_iam_role.reconcile[0].assume_role_policy == aws_iam_role.replicate["plain"].assume_role_policy
    error_message = "Only Lambda in this account may take the role."
  }
}

run "a_schedule_repairs_everything" {
  command = plan

  variables {
    destinations = { plain = { bucket = "photos-plain", replicate_deletes = true } }
    reconcile    = { schedule = "cron(0 3 ? * SUN *)", delete_extra = true, delete_limit = 5 }
  }

  assert {
    condition = (
      aws_cloudwatch_event_rule.reconcile[0].schedule_expression == "cron(0 3 ? * SUN *)"
      && jsondecode(aws_cloudwatch_event_target.reconcile[0].input) == { destination = "all", mode = "repair", delete_extra = true }
      && aws_lambda_permission.schedule[0].principal == "events.amazonaws.com"
      && aws_lambda_permission.schedule[0].function_name == "photos-fanout-reconcile"
    )
    error_message = "The schedule must invoke the function."
  }

  assert {
    condition = alltrue([for name, value in { delete_extra = true, delete_limit = 5 } :
    jsondecode(aws_lambda_function.reconcile[0].environment[0].variables.RECONCILE)[name] == value])
    error_message = "The function must know what it may delete."
  }
}

run "nothing_of_it_is_left_where_it_is_off" {
  command = plan

  variables {
    destinations = { plain = { bucket = "photos-plain" } }
    reconcile    = { enabled = false }
  }

  assert {
    condition = alltrue([for made in [
      aws_lambda_function.reconcile, aws_lambda_function_recursion_config.reconcile, aws_cloudwatch_log_group.reconcile,
      aws_iam_role.reconcile, aws_iam_role_policy.reconcile, aws_cloudwatch_event_rule.reconcile,
      aws_cloudwatch_event_target.reconcile, aws_lambda_permission.schedule,
    ] : length(made) == 0])
    error_message = "There must be no resource of it."
  }

  assert {
    condition     = output.destinations["plain"].reconcile_command == null
    error_message = "There must be no command for what is not there."
  }
}

run "tags_and_the_permissions_boundary_are_on_all_of_it" {
  command = plan

  variables {
    destinations             = { plain = { bucket = "photos-plain" } }
    reconcile                = { schedule = "rate(12 hours)" }
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    tags                     = { team = "media" }
  }

  assert {
    condition = alltrue([for tags in [
      aws_lambda_function.reconcile[0].tags, aws_iam_role.reconcile[0].tags,
      aws_cloudwatch_log_group.reconcile[0].tags, aws_cloudwatch_event_rule.reconcile[0].tags,
    ] : tags == tomap({ team = "media" })])
    error_message = "Everything that takes tags must have them."
  }

  assert {
    condition     = aws_iam_role.reconcile[0].permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
    error_message = "The role must have the permissions boundary."
  }
}

run "a_name_of_more_than_64_characters_is_shortened" {
  command = plan

  variables {
    source_bucket = "a-bucket-whose-name-is-as-long-as-the-name-of-a-bucket-may-be-x" # 63
    destinations  = { plain = { bucket = "photos-plain" } }
  }

  assert {
    condition = (
      length(aws_lambda_function.reconcile[0].function_name) == 64
      && can(regex("^a-bucket-whose-name-is-as-long-as-the-name-of-[0-9a-f]{8}-reconcile$", aws_lambda_function.reconcile[0].function_name))
    )
    error_message = "The name must keep its ending and a hash."
  }
}

run "as_many_destinations_as_its_policy_takes" {
  command = plan

  variables {
    destinations = { for n in range(38) : format("destination-%02d", n) => { bucket = format("photos-%02d", n) } }
  }

  assert {
    condition     = length(aws_iam_role_policy.reconcile[0].policy) <= 10240
    error_message = "The policy must fit."
  }

  assert {
    condition     = length(jsonencode(aws_lambda_function.reconcile[0].environment[0].variables)) <= 4096
    error_message = "The environment must fit."
  }
}

run "what_is_not_counted_of_the_environment_stays_below_its_bound" {
  command = plan

  variables {
    destinations = { plain = { bucket = "photos-plain" } }
    function     = { log_level = "WARNING" }
    reconcile    = { delete_extra = false, delete_limit = 1000000 }
  }

  assert {
    condition = (
      length(jsonencode(aws_lambda_function.reconcile[0].environment[0].variables))
      -length(jsonencode(jsonencode({ plain = "photos-fanout-plain" }))) <= 250
    )
    error_message = "The bound on the rest of the environment is too small."
  }
}
