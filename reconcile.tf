# The function that compares listings and queues what differs: for what events do not cover.

resource "aws_lambda_function" "reconcile" {
  count = var.reconcile.enabled ? 1 : 0

  function_name = local.reconcile_name
  description   = "Compares destinations with ${var.source_bucket}, and queues what differs."
  role          = local.reconcile_role_arn
  tags          = var.tags

  filename         = "${path.module}/lambda/function.zip"
  source_code_hash = filebase64sha256("${path.module}/lambda/function.zip")
  handler          = "fanout.reconcile.handler.handle"
  runtime          = var.function.runtime
  architectures    = [var.function.architecture]

  # The longest that Lambda gives. A run that takes longer continues by itself.
  timeout = 900

  # One whole processor (Lambda Developer Guide, "Configure Lambda function memory"). Reading a listing keeps
  # a processor busy. With less it would take longer and cost the same.
  memory_size = 1769

  environment {
    variables = local.reconcile_environment
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]

    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # As for the other functions.
  depends_on = [
    aws_cloudwatch_log_group.reconcile,
    aws_iam_role_policy.reconcile,
  ]

  lifecycle {
    precondition {
      condition     = length(jsonencode(local.reconcile_environment)) <= 4096
      error_message = <<-EOT
        The names of ${length(local.names)} destinations do not fit into the 4,096 bytes of an environment:
        write fewer destinations, shorter keys or a shorter name, or reconcile = { enabled = false }.
      EOT
    }
  }
}

locals {
  reconcile_role_arn = "${local.role_arn_prefix}${local.reconcile_name}"

  reconcile_settings = jsonencode({
    functions    = local.function_names
    region       = local.region
    delete_extra = var.reconcile.delete_extra
    delete_limit = var.reconcile.delete_limit
    log_level    = var.function.log_level
  })

  # The names of more than about 60 functions fit only when compressed.
  reconcile_environment = {
    RECONCILE = (
      length(jsonencode({ RECONCILE = local.reconcile_settings })) <= 4096 ? local.reconcile_settings : base64gzip(local.reconcile_settings)
    )
  }
}

# A run that takes longer than one invocation invokes the function again. Lambda must not stop that as a loop.
resource "aws_lambda_function_recursion_config" "reconcile" {
  count = var.reconcile.enabled ? 1 : 0

  function_name  = aws_lambda_function.reconcile[0].function_name
  recursive_loop = "Allow"
}

resource "aws_cloudwatch_log_group" "reconcile" {
  count = var.reconcile.enabled ? 1 : 0

  name              = "/aws/lambda/${local.reconcile_name}"
  retention_in_days = var.function.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "reconcile" {
  count = var.reconcile.enabled ? 1 : 0

  name                 = local.reconcile_name
  path                 = var.role_path
  description          = "Compares destinations with ${var.source_bucket}, and queues what differs."
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
  assume_role_policy   = local.lambda_may_assume
}

locals {
  destination_buckets = distinct([for d in values(var.destinations) : d.bucket])

  # The names of more than about 40 queues and functions do not fit, so then what they begin with is named.
  reconcile_policies = { for how, resources in {
    exact = {
      queues    = [for arns in values(local.queue_arns) : arns.work]
      functions = values(local.function_arns)
    }
    patterns = {
      queues    = [for pattern in local.name_patterns : "${local.queue_arn_prefix}${pattern}"]
      functions = [for pattern in local.name_patterns : "${local.function_arn_prefix}${pattern}"]
    }
    } : how => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        contains(local.destination_buckets, var.source_bucket) ? [] : [{
          Sid      = "ListSource"
          Effect   = "Allow"
          Action   = ["s3:ListBucket"]
          Resource = ["arn:${local.partition}:s3:::${var.source_bucket}"]
        }],
        length(var.destinations) == 0 ? [] : [{
          Sid      = "ListDestinations"
          Effect   = "Allow"
          Action   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
          Resource = [for bucket in local.destination_buckets : "arn:${local.partition}:s3:::${bucket}"]
        }],
        [
          {
            Sid      = "SendToQueues"
            Effect   = "Allow"
            Action   = ["sqs:SendMessage"]
            Resource = resources.queues
          },
          {
            Sid      = "ReadSettings"
            Effect   = "Allow"
            Action   = ["lambda:GetFunctionConfiguration"]
            Resource = resources.functions
          },
          {
            Sid      = "InvokeItself"
            Effect   = "Allow"
            Action   = ["lambda:InvokeFunction"]
            Resource = ["${local.function_arn_prefix}${local.reconcile_name}"]
          },
          {
            Sid    = "WriteLogs"
            Effect = "Allow"
            Action = [
              "logs:CreateLogStream",
              "logs:PutLogEvents",
            ]
            Resource = ["${local.log_group_arn_prefix}${local.reconcile_name}:*"]
          },
        ],
        var.kms_key_arn == null ? [] : [{
          Sid      = "UseQueues"
          Effect   = "Allow"
          Action   = local.queue_key_actions
          Resource = [var.kms_key_arn]
        }],
        local.network_statements,
      )
  }) }
  reconcile_policy = local.reconcile_policies[
    length(var.destinations) > 0 && length(local.reconcile_policies.exact) <= 10240 ? "exact" : "patterns"
  ]
}

resource "aws_iam_role_policy" "reconcile" {
  count = var.reconcile.enabled ? 1 : 0

  name   = "reconcile"
  role   = aws_iam_role.reconcile[0].id
  policy = local.reconcile_policy

  lifecycle {
    precondition {
      condition     = length(local.reconcile_policy) <= 10240
      error_message = <<-EOT
        The role policy of reconcile has ${length(local.reconcile_policy)} characters, and IAM takes 10,240:
        it names the bucket of each of ${length(var.destinations)} destinations;
        write fewer destinations, or reconcile = { enabled = false }.
      EOT
    }
  }
}

# A rule needs no role, unlike a schedule of EventBridge Scheduler.
resource "aws_cloudwatch_event_rule" "reconcile" {
  count = var.reconcile.schedule == null ? 0 : 1

  name                = local.reconcile_name
  description         = "Repairs the destinations of ${var.source_bucket}."
  schedule_expression = var.reconcile.schedule
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "reconcile" {
  count = var.reconcile.schedule == null ? 0 : 1

  rule  = aws_cloudwatch_event_rule.reconcile[0].name
  arn   = aws_lambda_function.reconcile[0].arn
  input = jsonencode({ destination = "all", mode = "repair", delete_extra = var.reconcile.delete_extra })

  # The first run may follow at once.
  depends_on = [aws_lambda_permission.schedule]
}

resource "aws_lambda_permission" "schedule" {
  count = var.reconcile.schedule == null ? 0 : 1

  statement_id  = "ScheduleMayInvoke"
  function_name = aws_lambda_function.reconcile[0].function_name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.reconcile[0].arn
}
