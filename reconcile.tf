# The function that compares listings and queues what differs: for what events do not cover.

resource "aws_lambda_function" "reconcile" {
  count = var.reconcile.enabled ? 1 : 0

  function_name = local.reconcile_name
  description   = "Compares destinations with ${var.source_bucket}, and queues what differs."
  role          = aws_iam_role.reconcile[0].arn
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
    variables = {
      RECONCILE = jsonencode(merge(local.reconcile_settings, {
        functions = local.function_names
        region    = local.region
      }))
    }
  }

  # As for the other functions.
  depends_on = [
    aws_cloudwatch_log_group.reconcile,
    aws_iam_role_policy.reconcile,
  ]

  lifecycle {
    # As for the other functions. The rest stays below 250 bytes.
    precondition {
      condition     = local.reconcile_name_bytes + 250 <= 4096
      error_message = <<-EOT
        The names of ${length(local.names)} destinations need ${local.reconcile_name_bytes} bytes as JSON, and reconcile has room for 3,846:
        write fewer destinations, shorter keys or a shorter name, or reconcile = { enabled = false }.
      EOT
    }
  }
}

locals {
  # JSON within JSON, as Lambda counts it.
  reconcile_name_bytes = length(jsonencode(jsonencode(local.function_names)))

  reconcile_settings = {
    delete_extra = var.reconcile.delete_extra
    delete_limit = var.reconcile.delete_limit
    log_level    = var.function.log_level
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
  description          = "Compares destinations with ${var.source_bucket}, and queues what differs."
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
  assume_role_policy   = local.lambda_may_assume
}

resource "aws_iam_role_policy" "reconcile" {
  count = var.reconcile.enabled ? 1 : 0

  name = "reconcile"
  role = aws_iam_role.reconcile[0].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid    = "ListObjects"
        Effect = "Allow"
        Action = ["s3:ListBucket"]
        Resource = [
          for bucket in distinct(concat([var.source_bucket], local.destination_buckets)) : "arn:${local.partition}:s3:::${bucket}"
        ]
      },
      {
        Sid      = "ListOpenUploads"
        Effect   = "Allow"
        Action   = ["s3:ListBucketMultipartUploads"]
        Resource = [for bucket in local.destination_buckets : "arn:${local.partition}:s3:::${bucket}"]
      },
      {
        Sid      = "SendToQueues"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = [for arns in values(local.queue_arns) : arns.work]
      },
      {
        Sid    = "ReadSettings"
        Effect = "Allow"
        Action = ["lambda:GetFunctionConfiguration"]
        Resource = [
          for name in values(local.function_names) : "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${name}"
        ]
      },
      {
        Sid      = "InvokeItself"
        Effect   = "Allow"
        Action   = ["lambda:InvokeFunction"]
        Resource = ["arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.reconcile_name}"]
      },
      {
        Sid    = "WriteLogs"
        Effect = "Allow"
        Action = [
          "logs:CreateLogStream",
          "logs:PutLogEvents",
        ]
        Resource = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:/aws/lambda/${local.reconcile_name}:*"]
      },
      ],
      var.kms_key_arn == null ? [] : [{
        Sid      = "UseQueues"
        Effect   = "Allow"
        Action   = local.queue_key_actions
        Resource = [var.kms_key_arn]
      }],
    )
  })

  lifecycle {
    # An upper bound, as for the other roles.
    precondition {
      condition     = local.reconcile_policy_characters + 1024 <= 10240
      error_message = <<-EOT
        The role policy of reconcile would not fit into IAM's 10,240 characters:
        ${local.reconcile_policy_characters} are for ${length(var.destinations)} destinations;
        write fewer destinations, a shorter name, or reconcile = { enabled = false }.
      EOT
    }
  }
}

locals {
  destination_buckets = distinct([for d in values(var.destinations) : d.bucket])

  # With the longest names of a partition and a region. The policy names each bucket twice.
  reconcile_policy_characters = length(jsonencode(concat(
    [for bucket in concat(local.destination_buckets, local.destination_buckets) : "arn:aws-us-gov:s3:::${bucket}"],
    [for name in values(local.names) : "arn:aws-us-gov:sqs:ap-southeast-22:111122223333:${name}"],
    [for name in values(local.function_names) : "arn:aws-us-gov:lambda:ap-southeast-22:111122223333:function:${name}"],
  )))
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
