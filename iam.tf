# Who may do what: SNS with the queues, a function with its buckets, queues and log group.
# Policies use jsonencode, so that they are known at plan if their parts are.

locals {
  queue_policies = { for key, arns in local.queue_arns : key => {
    for queue, arn in arns : queue => jsonencode({
      Version = "2012-10-17"
      Statement = concat(
        queue == "dead_letter" ? [] : [{
          Sid       = "TopicMaySend"
          Effect    = "Allow"
          Principal = { Service = "sns.amazonaws.com" }
          Action    = "sqs:SendMessage"
          Resource  = arn
          Condition = { ArnEquals = { "aws:SourceArn" = local.topic_arn } }
        }],
        [{
          Sid       = "DenyInsecureTransport"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sqs:*"
          Resource  = arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        }],
      )
    })
  } }
}

resource "aws_iam_role" "replicate" {
  for_each = local.destinations

  name                 = local.names[each.key]
  path                 = var.role_path
  description          = "Replicates ${var.source_bucket} to ${each.value.bucket}."
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags[each.key]
  assume_role_policy   = local.lambda_may_assume
}

locals {
  lambda_may_assume = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "LambdaMayAssume"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })

  # A prefix as IAM reads it: * ? $ stand for themselves only as ${*} ${?} ${$}. IAM takes no characters
  # beyond Latin-1, so everything but printable ASCII becomes a wildcard.
  iam_prefixes = { for key in keys(var.destinations) : key => {
    for side, prefixes in { source = local.prefixes[key], destination = local.destination_prefixes[key] } : side => [
      for prefix in prefixes :
      replace(replace(replace(replace(prefix, "$", "$${$}"), "*", "$${*}"), "?", "$${?}"), "/[^ -~]+/", "*")
    ]
  } }

  # The objects in an ARN, after "arn:<partition>:s3:::".
  objects = { for key, d in var.destinations : key => {
    for side, bucket in { source = var.source_bucket, destination = d.bucket } : side => distinct([
      for prefix in local.iam_prefixes[key][side] : "${bucket}/${prefix}*"
    ])
  } }

  # What a function does with objects in each bucket. In the destination bucket it reads to compare. Without
  # the permission to read tags, S3 does not say whether there are any. CopyObject copies annotations too,
  # which needs these permissions (API reference, CopyObject: x-amz-object-annotation-directive).
  object_actions = { for key, d in var.destinations : key => {
    source = concat(
      ["s3:GetObject", "s3:GetObjectAnnotation", "s3:GetObjectVersion", "s3:GetObjectVersionAnnotation"],
      d.replicate_tags ? ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"] : [],
    )
    destination = concat(
      ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject", "s3:PutObjectAnnotation"],
      d.replicate_tags ? ["s3:GetObjectTagging", "s3:PutObjectTagging"] : [],
      d.replicate_deletes ? ["s3:DeleteObject"] : [],
      d.acl == null ? [] : ["s3:PutObjectAcl"],
    )
  } }

  source_key_actions      = ["kms:Decrypt"]
  queue_key_actions       = ["kms:Decrypt", "kms:GenerateDataKey"] # sending needs Decrypt too
  destination_key_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # reading a replica's checksum needs Decrypt

  # Lambda puts a network interface into each subnet, with the role of the function. The function's own code
  # needs none of that (Lambda Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC").
  network_statements = [for statement in [
    {
      Sid    = "ManageNetworkInterfaces"
      Effect = "Allow"
      Action = [
        "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = ["*"]
    },
    {
      Sid      = "NotByTheFunctionItself"
      Effect   = "Deny"
      Action   = ["ec2:*"]
      Resource = ["*"]
      Condition = { ArnLike = { "lambda:SourceFunctionArn" = [
        for pattern in local.name_patterns : "${local.function_arn_prefix}${pattern}"
      ] } }
    },
  ] : statement if var.vpc != null]

  role_policies = { for key, d in var.destinations : key => jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "ReadSource"
        Effect   = "Allow"
        Action   = local.object_actions[key].source
        Resource = [for object in local.objects[key].source : "arn:${local.partition}:s3:::${object}"]
      },
      {
        Sid      = "WriteDestination"
        Effect   = "Allow"
        Action   = local.object_actions[key].destination
        Resource = [for object in local.objects[key].destination : "arn:${local.partition}:s3:::${object}"]
      },
      {
        # Without it S3 answers 403 for a missing object, not 404.
        Sid      = "SeeWhatIsAbsent"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = distinct([for bucket in [var.source_bucket, d.bucket] : "arn:${local.partition}:s3:::${bucket}"])
      },
      {
        # The next event of a key finds an upload whose message was never sent.
        Sid      = "FindLostUploads"
        Effect   = "Allow"
        Action   = ["s3:ListBucketMultipartUploads"]
        Resource = ["arn:${local.partition}:s3:::${d.bucket}"]
      },
      {
        Sid    = "ReceiveFromQueue"
        Effect = "Allow"
        Action = [
          "sqs:ChangeMessageVisibility",
          "sqs:DeleteMessage",
          "sqs:GetQueueAttributes",
          "sqs:ReceiveMessage",
        ]
        Resource = [local.queue_arns[key].work]
      },
      {
        # The function sends dead-letter messages, and messages that name the upload of a large object. With
        # direct delivery, Lambda sends failed events to the queue with this role.
        Sid    = "SendToQueues"
        Effect = "Allow"
        Action = ["sqs:SendMessage"]
        Resource = [
          local.queue_arns[key].dead_letter,
          local.queue_arns[key].work,
        ]
      },
      {
        Sid    = "WriteLogs"
        Effect = "Allow"
        Action = [
          "logs:CreateLogStream",
          "logs:PutLogEvents",
        ]
        Resource = ["${local.log_group_arn_prefix}${local.function_names[key]}:*"]
      },
      ],
      var.replication_log.enabled ? [{
        Sid      = "WriteReplicationLog"
        Effect   = "Allow"
        Action   = ["dynamodb:PutItem"]
        Resource = [local.replication_log_arn]
      }] : [],
      # If deletes are not replicated, the newest version that survives one is.
      d.replicate_deletes ? [] : [{
        Sid      = "FindSurvivingVersions"
        Effect   = "Allow"
        Action   = ["s3:ListBucketVersions"]
        Resource = ["arn:${local.partition}:s3:::${var.source_bucket}"]
      }],
      length(var.source_kms_key_arns) == 0 ? [] : [{
        Sid      = "DecryptSource"
        Effect   = "Allow"
        Action   = local.source_key_actions
        Resource = var.source_kms_key_arns
      }],
      # The queues' key: the mapping receives with this role, and the function sends with it.
      var.kms_key_arn == null ? [] : [{
        Sid      = "UseQueues"
        Effect   = "Allow"
        Action   = local.queue_key_actions
        Resource = [var.kms_key_arn]
      }],
      d.kms_key_arn == null ? [] : [{
        Sid      = "EncryptDestination"
        Effect   = "Allow"
        Action   = local.destination_key_actions
        Resource = [d.kms_key_arn]
      }],
      local.network_statements,
    )
  }) }
}

resource "aws_iam_role_policy" "replicate" {
  for_each = local.destinations

  name       = "replicate"
  role       = local.names[each.key]
  policy     = local.role_policies[each.key]
  depends_on = [aws_iam_role.replicate]

  lifecycle {
    # A role with another path is another role, of the same name.
    replace_triggered_by = [aws_iam_role.replicate[each.key].unique_id]

    precondition {
      condition     = length(local.role_policies[each.key]) <= 10240
      error_message = <<-EOT
        The role policy of destinations.${each.key} has ${length(local.role_policies[each.key])} characters, and IAM takes 10,240:
        write fewer or shorter prefixes, a shorter key_prefix, fewer source_kms_key_arns, or split the prefixes over two destinations.
      EOT
    }
  }
}
