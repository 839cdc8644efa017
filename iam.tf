# Who may do what: SNS with the queues, a function with its buckets, queues and log group.
# Policies are written with jsonencode so that they are known at plan wherever their parts are.

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
          Sid       = "NothingInPlainText"
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
  for_each = var.destinations

  name                 = local.names[each.key]
  description          = "Replicates ${var.source_bucket} to ${each.value.bucket}."
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
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

  # Objects as they stand in an ARN, behind "arn:<partition>:s3:::". IAM reads * ? $ as wildcards and
  # variables unless they are written ${*} ${?} ${$}, and takes no characters beyond Latin-1: anything
  # but printable ASCII becomes a wildcard.
  objects = { for key, d in var.destinations : key => {
    for side, keys in {
      source      = { bucket = var.source_bucket, starts = local.prefixes[key] }
      destination = { bucket = d.bucket, starts = local.destination_prefixes[key] }
      } : side => distinct([
        for start in keys.starts : "${keys.bucket}/${replace(replace(replace(replace(start, "$", "$${$}"), "*", "$${*}"), "?", "$${?}"), "/[^ -~]+/", "*")}*"
    ])
  } }

  # What a function does with objects at each side. At the destination it reads to compare. Without the
  # right to read tags S3 does not say that there are any. A copy takes annotations along, and where
  # there are any it takes these rights (API reference, CopyObject: x-amz-object-annotation-directive).
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
  queue_key_actions       = ["kms:Decrypt", "kms:GenerateDataKey"] # sending takes Decrypt too
  destination_key_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # reading a replica's checksum takes Decrypt

  # With the longest partition's name in front. The rest of a policy stays below 3,072 characters.
  policy_object_characters = { for key, objects in local.objects : key =>
    length(jsonencode([for object in concat(objects.source, objects.destination) : "arn:aws-us-gov:s3:::${object}"]))
  }
  policy_key_characters = length(var.source_kms_key_arns) == 0 ? 0 : length(jsonencode(var.source_kms_key_arns))
}

resource "aws_iam_role_policy" "replicate" {
  for_each = var.destinations

  name = "replicate"
  role = aws_iam_role.replicate[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Sid      = "ReadSource"
        Effect   = "Allow"
        Action   = local.object_actions[each.key].source
        Resource = [for object in local.objects[each.key].source : "arn:${local.partition}:s3:::${object}"]
      },
      {
        Sid      = "WriteDestination"
        Effect   = "Allow"
        Action   = local.object_actions[each.key].destination
        Resource = [for object in local.objects[each.key].destination : "arn:${local.partition}:s3:::${object}"]
      },
      {
        # Without it S3 says "forbidden" of an object that is not there.
        Sid      = "SeeWhatIsAbsent"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = distinct([for bucket in [var.source_bucket, each.value.bucket] : "arn:${local.partition}:s3:::${bucket}"])
      },
      {
        # An upload whose message was never sent is found by the next one of its key.
        Sid      = "FindLostUploads"
        Effect   = "Allow"
        Action   = ["s3:ListBucketMultipartUploads"]
        Resource = ["arn:${local.partition}:s3:::${each.value.bucket}"]
      },
      {
        Sid    = "WorkOnQueue"
        Effect = "Allow"
        Action = [
          "sqs:ChangeMessageVisibility",
          "sqs:DeleteMessage",
          "sqs:GetQueueAttributes",
          "sqs:ReceiveMessage",
        ]
        Resource = [local.queue_arns[each.key].work]
      },
      {
        # The function writes dead letters, and messages that name the upload of a large object; in
        # the direct lane Lambda hands it failed events by queue.
        Sid    = "SendToQueues"
        Effect = "Allow"
        Action = ["sqs:SendMessage"]
        Resource = [
          local.queue_arns[each.key].dead_letter,
          local.queue_arns[each.key].work,
        ]
      },
      {
        Sid    = "WriteLogs"
        Effect = "Allow"
        Action = [
          "logs:CreateLogStream",
          "logs:PutLogEvents",
        ]
        Resource = ["arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:/aws/lambda/${local.names[each.key]}:*"]
      },
      ],
      var.replication_log.enabled ? [{
        Sid      = "WriteReplicationLog"
        Effect   = "Allow"
        Action   = ["dynamodb:PutItem"]
        Resource = [local.replication_log_arn]
      }] : [],
      # Where deletes are not replicated, the newest version that survives one is.
      each.value.replicate_deletes ? [] : [{
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
      # The queues' key: the mapping receives with this role, and letters are sent with it.
      var.kms_key_arn == null ? [] : [{
        Sid      = "UseQueues"
        Effect   = "Allow"
        Action   = local.queue_key_actions
        Resource = [var.kms_key_arn]
      }],
      each.value.kms_key_arn == null ? [] : [{
        Sid      = "EncryptDestination"
        Effect   = "Allow"
        Action   = local.destination_key_actions
        Resource = [each.value.kms_key_arn]
      }],
    )
  })

  lifecycle {
    # Said from an upper bound, since the exact text is not known before the topic is there.
    precondition {
      condition     = local.policy_object_characters[each.key] + local.policy_key_characters + 3072 <= 10240
      error_message = <<-EOT
        The role policy of ${each.key} would not fit into IAM's 10,240 characters:
        ${local.policy_object_characters[each.key]} are for the prefixes at both buckets,
        ${local.policy_key_characters} for source_kms_key_arns;
        write fewer or shorter prefixes, a shorter key_prefix or fewer keys, or split the prefixes over two destinations.
      EOT
    }
  }
}
