# What the owners of buckets and keys must allow if a role's own policy is not enough: in other accounts, and
# for keys whose policy does not leave access to IAM policies. Each is a JSON list, to be merged into a policy
# that the module does not own.

locals {
  # The principal is the account, and the role is a condition. A role as principal would have to exist first,
  # and a role that is created again under its name is another principal (IAM User Guide, "AWS JSON policy
  # elements: Principal").
  this_account = { AWS = "arn:${local.partition}:iam::${local.account_id}:root" }

  # Several destinations may share a bucket or a key, and the Sids in one policy must differ. A Sid has only
  # letters and digits.
  sid_suffixes = { for key, arn in local.role_arns : key => substr(sha256(arn), 0, 12) }

  destination_bucket_policy_statements = { for key, d in var.destinations : key => jsonencode([
    {
      Sid       = "FanoutWritesReplicas${local.sid_suffixes[key]}"
      Effect    = "Allow"
      Principal = local.this_account
      Action    = local.object_actions[key].destination
      Resource  = [for object in local.objects[key].destination : "arn:${local.partition}:s3:::${object}"]
      Condition = { ArnEquals = { "aws:PrincipalArn" = local.role_arns[key] } }
    },
    {
      Sid       = "FanoutListsBucket${local.sid_suffixes[key]}"
      Effect    = "Allow"
      Principal = local.this_account
      Action    = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
      Resource  = ["arn:${local.partition}:s3:::${d.bucket}"]
      Condition = { ArnEquals = { "aws:PrincipalArn" = concat(
        [local.role_arns[key]], var.reconcile.enabled ? [local.reconcile_role_arn] : [],
      ) } }
    },
  ]) }

  destination_kms_key_policy_statements = { for key in keys(var.destinations) : key => jsonencode([{
    Sid       = "FanoutEncryptsReplicas${local.sid_suffixes[key]}"
    Effect    = "Allow"
    Principal = local.this_account
    Action    = local.destination_key_actions
    Resource  = "*" # the key whose policy this is
    Condition = { ArnEquals = { "aws:PrincipalArn" = local.role_arns[key] } }
  }]) }

  # The statements below do not depend on the destinations. A new one changes no key's policy, and a key may
  # have the statements in the policy that it is created with, also if a destination uses it. They name an
  # account, so a role also needs the permission of its own policy.
  shared_sid_suffix = substr(sha256("${local.role_arn_prefix}${local.name}"), 0, 12)
  these_roles       = { ArnLike = { "aws:PrincipalArn" = [for pattern in local.name_patterns : "${local.role_arn_prefix}${pattern}"] } }

  kms_key_policy_statements = {
    # The services' statements are AWS's own (SNS Developer Guide, "Managing Amazon SNS encryption keys and
    # costs"; CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS KMS"). Those of S3,
    # EventBridge and SNS have no condition, because EventBridge supports none. The policies of the topic and
    # the queues say who may publish and send. AWS's statement for Logs has kms:DescribeKey too, which its
    # condition never allows: that call has no encryption context.
    kms_key_arn = jsonencode(concat(
      var.event_source == "existing_topic" ? [] : [{
        Sid       = "FanoutPublishesEvents${local.shared_sid_suffix}"
        Effect    = "Allow"
        Principal = { Service = concat(["s3.amazonaws.com"], var.event_source == "module_topic" ? ["events.amazonaws.com"] : []) }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*" # the key whose policy this is
      }],
      [
        {
          Sid       = "FanoutDeliversToQueues${local.shared_sid_suffix}"
          Effect    = "Allow"
          Principal = { Service = ["sns.amazonaws.com"] }
          Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
          Resource  = "*"
        },
        {
          Sid       = "FanoutWritesLogs${local.shared_sid_suffix}"
          Effect    = "Allow"
          Principal = { Service = ["logs.${local.region}.amazonaws.com${local.partition == "aws-cn" ? ".cn" : ""}"] }
          Action    = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
          Resource  = "*"
          Condition = { ArnLike = { "kms:EncryptionContext:aws:logs:arn" = [
            for pattern in local.name_patterns : "${local.log_group_arn_prefix}${pattern}"
          ] } }
        },
        {
          Sid       = "FanoutUsesQueues${local.shared_sid_suffix}"
          Effect    = "Allow"
          Principal = local.this_account
          Action    = local.queue_key_actions
          Resource  = "*"
          Condition = local.these_roles
        },
      ],
    ))

    source_kms_key_arns = jsonencode([{
      Sid       = "FanoutDecryptsSource${local.shared_sid_suffix}"
      Effect    = "Allow"
      Principal = local.this_account
      Action    = local.source_key_actions
      Resource  = "*" # the key whose policy this is
      Condition = local.these_roles
    }])
  }
}
