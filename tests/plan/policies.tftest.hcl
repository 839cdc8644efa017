# Who may do what, exactly.

mock_provider "aws" {
  source = "./tests/plan/known"
}

variables {
  source_bucket = "photos"
  destinations = {
    plain = { bucket = "photos-plain" }
    rewritten = {
      bucket       = "photos-rewritten"
      region       = "us-west-2"
      account_id   = "444455556666"
      prefixes     = ["raw/2024/", "raw/2025/"]
      strip_prefix = "raw/"
      key_prefix   = "archive/"
    }
    direct = { bucket = "photos-direct", delivery = "direct" }
  }
  alarms = { enabled = false }
}

run "only_the_source_bucket_may_publish" {
  command = plan

  assert {
    condition = jsondecode(aws_sns_topic_policy.fanout[0].policy) == jsondecode(jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid       = "SourceBucketMayPublish"
          Effect    = "Allow"
          Principal = { Service = "s3.amazonaws.com" }
          Action    = "sns:Publish"
          Resource  = "arn:aws:sns:eu-central-1:111122223333:photos-fanout"
          Condition = {
            ArnEquals    = { "aws:SourceArn" = "arn:aws:s3:::photos" }
            StringEquals = { "aws:SourceAccount" = "111122223333" }
          }
        },
        {
          Sid       = "DenyInsecureTransport"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sns:Publish"
          Resource  = "arn:aws:sns:eu-central-1:111122223333:photos-fanout"
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ]
    }))
    error_message = "The topic's policy is not what it should be."
  }
}

run "only_the_topic_may_send_to_a_queue_and_nobody_to_dead_letters" {
  command = plan

  assert {
    condition = alltrue(flatten([for queues in [aws_sqs_queue.work, aws_sqs_queue.undelivered] : [for queue in queues :
      jsondecode(queue.policy) == jsondecode(jsonencode({
        Version = "2012-10-17"
        Statement = [
          {
            Sid       = "TopicMaySend"
            Effect    = "Allow"
            Principal = { Service = "sns.amazonaws.com" }
            Action    = "sqs:SendMessage"
            Resource  = "arn:aws:sqs:eu-central-1:111122223333:${queue.name}"
            Condition = { ArnEquals = { "aws:SourceArn" = "arn:aws:sns:eu-central-1:111122223333:photos-fanout" } }
          },
          {
            Sid       = "DenyInsecureTransport"
            Effect    = "Deny"
            Principal = "*"
            Action    = "sqs:*"
            Resource  = "arn:aws:sqs:eu-central-1:111122223333:${queue.name}"
            Condition = { Bool = { "aws:SecureTransport" = "false" } }
          },
        ]
      }))
    ]]))
    error_message = "A queue's policy is not what it should be."
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.dead_letter : jsondecode(queue.policy).Statement[*].Effect == ["Deny"]])
    error_message = "A dead-letter queue's policy must allow nobody anything."
  }
}

run "only_lambda_in_this_account_may_take_a_role" {
  command = plan

  assert {
    condition = alltrue([for role in aws_iam_role.replicate : jsondecode(role.assume_role_policy) == jsondecode(jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "LambdaMayAssume"
        Effect    = "Allow"
        Principal = { Service = "lambda.amazonaws.com" }
        Action    = "sts:AssumeRole"
        Condition = { StringEquals = { "aws:SourceAccount" = "111122223333" } }
      }]
    }))])
    error_message = "A role's trust is not what it should be."
  }
}

run "a_plain_destination_s_role" {
  command = plan

  assert {
    condition = jsondecode(aws_iam_role_policy.replicate["plain"].policy) == jsondecode(jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid    = "ReadSource"
          Effect = "Allow"
          Action = [
            "s3:GetObject", "s3:GetObjectAnnotation", "s3:GetObjectVersion", "s3:GetObjectVersionAnnotation",
            "s3:GetObjectTagging", "s3:GetObjectVersionTagging",
          ]
          Resource = ["arn:aws:s3:::photos/*"]
        },
        {
          Sid    = "WriteDestination"
          Effect = "Allow"
          Action = [
            "s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject", "s3:PutObjectAnnotation",
            "s3:GetObjectTagging", "s3:PutObjectTagging",
          ]
          Resource = ["arn:aws:s3:::photos-plain/*"]
        },
        {
          Sid      = "SeeWhatIsAbsent"
          Effect   = "Allow"
          Action   = ["s3:ListBucket"]
          Resource = ["arn:aws:s3:::photos", "arn:aws:s3:::photos-plain"]
        },
        {
          Sid      = "FindLostUploads"
          Effect   = "Allow"
          Action   = ["s3:ListBucketMultipartUploads"]
          Resource = ["arn:aws:s3:::photos-plain"]
        },
        {
          Sid      = "ReceiveFromQueue"
          Effect   = "Allow"
          Action   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          Resource = ["arn:aws:sqs:eu-central-1:111122223333:photos-fanout-plain"]
        },
        {
          Sid    = "SendToQueues"
          Effect = "Allow"
          Action = ["sqs:SendMessage"]
          Resource = [
            "arn:aws:sqs:eu-central-1:111122223333:photos-fanout-plain-dead-letter",
            "arn:aws:sqs:eu-central-1:111122223333:photos-fanout-plain",
          ]
        },
        {
          Sid      = "WriteLogs"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["arn:aws:logs:eu-central-1:111122223333:log-group:/aws/lambda/photos-fanout-plain:*"]
        },
        {
          Sid      = "FindSurvivingVersions"
          Effect   = "Allow"
          Action   = ["s3:ListBucketVersions"]
          Resource = ["arn:aws:s3:::photos"]
        },
      ]
    }))
    error_message = "A plain destination's role policy is not what it should be."
  }
}

run "the_role_of_a_destination_that_renames_keys_reads_its_prefixes_and_writes_what_they_become" {
  command = plan

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.replicate["rewritten"].policy).Statement :
      statement.Resource if startswith(statement.Action[0], "s3:")
      ] == [
      ["arn:aws:s3:::photos/raw/2024/*", "arn:aws:s3:::photos/raw/2025/*"],
      ["arn:aws:s3:::photos-rewritten/archive/2024/*", "arn:aws:s3:::photos-rewritten/archive/2025/*"],
      ["arn:aws:s3:::photos", "arn:aws:s3:::photos-rewritten"],
      ["arn:aws:s3:::photos-rewritten"],
      ["arn:aws:s3:::photos"],
    ]
    error_message = "The role must reach no other object."
  }
}

run "a_role_may_do_what_its_destination_s_attributes_need_and_nothing_else" {
  command = plan

  variables {
    source_kms_key_arns = [
      "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef",
      "arn:aws:kms:eu-central-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef",
    ]
    destinations = {
      plain    = { bucket = "photos-plain" }
      filtered = { bucket = "photos-filtered", exclude_prefixes = ["private/"], suffixes = [".jpg"], storage_class = "SOURCE" }
      tagless  = { bucket = "photos-tagless", replicate_tags = false }
      deleting = { bucket = "photos-deleting", replicate_deletes = true }
      owned    = { bucket = "photos-owned", acl = "bucket-owner-full-control" }
      encrypted = {
        bucket      = "photos-encrypted"
        kms_key_arn = "arn:aws:kms:us-west-2:444455556666:key/01234567-89ab-cdef-0123-456789abcdef"
      }
      everything = {
        bucket            = "photos-everything"
        replicate_tags    = false
        replicate_deletes = true
        acl               = "private"
        kms_key_arn       = "arn:aws:kms:us-west-2:444455556666:key/01234567-89ab-cdef-0123-456789abcdef"
      }
    }
  }

  assert {
    condition = alltrue([for key, policy in aws_iam_role_policy.replicate :
      one([for statement in jsondecode(policy.policy).Statement : statement.Action if statement.Sid == "ReadSource"]) == concat(
        ["s3:GetObject", "s3:GetObjectAnnotation", "s3:GetObjectVersion", "s3:GetObjectVersionAnnotation"],
        contains(["tagless", "everything"], key) ? [] : ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"],
      )
    ])
    error_message = "Only who copies tags may read them."
  }

  assert {
    condition = alltrue([for key, policy in aws_iam_role_policy.replicate :
      one([for statement in jsondecode(policy.policy).Statement : statement.Action if statement.Sid == "WriteDestination"]) == concat(
        ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject", "s3:PutObjectAnnotation"],
        contains(["tagless", "everything"], key) ? [] : ["s3:GetObjectTagging", "s3:PutObjectTagging"],
        contains(["deleting", "everything"], key) ? ["s3:DeleteObject"] : [],
        contains(["owned", "everything"], key) ? ["s3:PutObjectAcl"] : [],
      )
    ])
    error_message = "Only who is asked to may write tags, delete, or write an ACL."
  }

  assert {
    condition = alltrue([for key, policy in aws_iam_role_policy.replicate :
      slice(jsondecode(policy.policy).Statement, 0, 2)[*].Resource == [["arn:aws:s3:::photos/*"], ["arn:aws:s3:::photos-${key}/*"]]
    ])
    error_message = "Objects must be read and written in the destination's own two buckets."
  }

  # After those every role has.
  assert {
    condition = {
      for key, policy in aws_iam_role_policy.replicate :
      key => slice(jsondecode(policy.policy).Statement, 7, length(jsondecode(policy.policy).Statement))[*].Sid
      } == {
      plain      = ["FindSurvivingVersions", "DecryptSource"]
      filtered   = ["FindSurvivingVersions", "DecryptSource"]
      tagless    = ["FindSurvivingVersions", "DecryptSource"]
      deleting   = ["DecryptSource"]
      owned      = ["FindSurvivingVersions", "DecryptSource"]
      encrypted  = ["FindSurvivingVersions", "DecryptSource", "EncryptDestination"]
      everything = ["DecryptSource", "EncryptDestination"]
    }
    error_message = "Only who does not delete may list versions, and only who encrypts may use the key."
  }

  assert {
    condition = slice(jsondecode(aws_iam_role_policy.replicate["encrypted"].policy).Statement, 7, 10) == jsondecode(jsonencode([
      {
        Sid      = "FindSurvivingVersions"
        Effect   = "Allow"
        Action   = ["s3:ListBucketVersions"]
        Resource = ["arn:aws:s3:::photos"]
      },
      {
        Sid    = "DecryptSource"
        Effect = "Allow"
        Action = ["kms:Decrypt"]
        Resource = [
          "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef",
          "arn:aws:kms:eu-central-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef",
        ]
      },
      {
        Sid      = "EncryptDestination"
        Effect   = "Allow"
        Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource = ["arn:aws:kms:us-west-2:444455556666:key/01234567-89ab-cdef-0123-456789abcdef"]
      },
    ]))
    error_message = "The permissions for versions and keys are not what they should be."
  }
}

run "no_character_of_a_prefix_widens_a_role_but_what_iam_cannot_write" {
  command = plan

  variables {
    destinations = {
      wild    = { bucket = "photos-a", prefixes = ["a*b?c$${d}/"] }
      unicode = { bucket = "photos-b", prefixes = ["été/a"], key_prefix = "copié\n*/" }
    }
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.replicate["wild"].policy).Statement[0].Resource == [
      "arn:aws:s3:::photos/a$${*}b$${?}c$${$}{d}/*",
    ]
    error_message = "Wildcards and variables in a prefix must stand for themselves."
  }

  assert {
    condition = (jsondecode(aws_iam_role_policy.replicate["unicode"].policy).Statement[0].Resource == ["arn:aws:s3:::photos/*t*/a*"]
    && jsondecode(aws_iam_role_policy.replicate["unicode"].policy).Statement[1].Resource == ["arn:aws:s3:::photos-b/copi*$${*}/*t*/a*"])
    error_message = "IAM takes Latin-1 only, so other characters must become wildcards."
  }
}

run "a_replica_in_the_source_bucket_names_the_bucket_once" {
  command = plan

  variables {
    destinations = { copy = { bucket = "photos", prefixes = ["raw/"], strip_prefix = "raw/", key_prefix = "copy/" } }
  }

  assert {
    condition = [
      for statement in jsondecode(aws_iam_role_policy.replicate["copy"].policy).Statement :
      statement.Resource if statement.Sid == "SeeWhatIsAbsent"
    ] == [["arn:aws:s3:::photos"]]
    error_message = "A bucket must be named once."
  }
}

run "other_partitions_have_other_arns" {
  command = plan

  override_resource {
    target          = aws_sns_topic.fanout
    override_during = plan
    values          = { arn = "arn:aws-us-gov:sns:us-gov-west-1:111122223333:photos-fanout" }
  }

  assert {
    condition = alltrue(flatten([for policy in concat(
      [aws_sns_topic_policy.fanout[0].policy], values(aws_sqs_queue.work)[*].policy, values(aws_iam_role_policy.replicate)[*].policy,
    ) : [!strcontains(policy, "arn:aws:"), strcontains(policy, "arn:aws-us-gov:")]]))
    error_message = "Every ARN must be in the topic's partition."
  }
}

run "what_is_taken_for_the_rest_of_a_role_policy_is_enough" {
  command = plan

  variables {
    source_bucket       = "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-012345678" # 63
    kms_key_arn         = "arn:aws-us-gov:kms:ap-southeast-22:111122223333:key/mrk-0123456789abcdef0123456789abcdef"
    source_kms_key_arns = ["arn:aws-us-gov:kms:ap-southeast-22:111122223333:key/mrk-0123456789abcdef0123456789abcdef"]
    destinations = { for key, deletes in { abcdefghijklmnopqrstuvwxyz-01234 = false, abcdefghijklmnopqrstuvwxyz-01235 = true } : key => {
      bucket            = "${substr(key, 27, 5)}-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-012"
      prefixes          = ["a"]
      kms_key_arn       = "arn:aws-us-gov:kms:ap-southeast-22:444455556666:key/mrk-0123456789abcdef0123456789abcdef"
      acl               = "bucket-owner-full-control"
      replicate_deletes = deletes
      delivery          = "direct"
    } }
    replication_log = { enabled = true }
  }

  override_resource {
    target          = aws_sns_topic.fanout
    override_during = plan
    values          = { arn = "arn:aws-us-gov:sns:ap-southeast-22:111122223333:photos-fanout" }
  }

  assert {
    condition = alltrue([for policy in aws_iam_role_policy.replicate : (
      length(policy.policy) <= 3072 + length(jsonencode(var.source_kms_key_arns))
      + length(jsonencode(flatten(slice(jsondecode(policy.policy).Statement, 0, 2)[*].Resource)))
    )])
    error_message = "The bound on a role policy's size is too small."
  }
}

run "what_is_taken_for_the_rest_of_an_environment_is_enough" {
  command = plan

  variables {
    source_bucket = "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-012345678" # 63
    destinations = {
      abcdefghijklmnopqrstuvwxyz-01234 = {
        bucket            = "012345678-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz"
        region            = "ap-southeast-22"
        storage_class     = "INTELLIGENT_TIERING"
        kms_key_arn       = "arn:aws-us-gov:kms:ap-southeast-22:444455556666:key/mrk-0123456789abcdef0123456789abcdef"
        acl               = "bucket-owner-full-control"
        replicate_deletes = false
        replicate_tags    = false
      }
    }
    function        = { log_level = "WARNING" }
    replication_log = { enabled = true, retention_days = 3650 }
  }

  override_resource {
    target          = aws_sns_topic.fanout
    override_during = plan
    values          = { arn = "arn:aws-us-gov:sns:ap-southeast-22:111122223333:photos-fanout" }
  }

  assert {
    condition     = alltrue([for function in aws_lambda_function.replicate : length(jsonencode(function.environment[0].variables)) <= 1072])
    error_message = "The bound on an environment's size is too small."
  }
}
