# What the owners of buckets and keys in other accounts must allow.

mock_provider "aws" {
  source = "./tests/plan/known"
}

variables {
  source_bucket       = "photos"
  source_kms_key_arns = ["arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"]
  alarms              = { enabled = false }
}

run "cloudwatch_logs_has_another_name_in_china" {
  command = plan

  variables {
    event_source        = "existing_topic"
    topic_arn           = "arn:aws-cn:sns:cn-north-1:111122223333:photos"
    source_kms_key_arns = []
    kms_key_arn         = "arn:aws-cn:kms:cn-north-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"
    destinations        = { plain = { bucket = "photos-plain" } }
  }

  assert {
    condition = contains(flatten([
      for statement in jsondecode(output.kms_key_policy_statements["kms_key_arn"]) : try(statement.Principal.Service, [])
    ]), "logs.cn-north-1.amazonaws.com.cn")
    error_message = "The key must let in the service as it is called there."
  }
}

run "the_owner_of_a_bucket_allows_the_roles_what_they_do_there" {
  command = plan

  variables {
    destinations = {
      there = {
        bucket            = "photos-there"
        account_id        = "444455556666"
        prefixes          = ["raw/", "a*/"]
        key_prefix        = "from/"
        replicate_deletes = true
        acl               = "bucket-owner-full-control"
      }
    }
  }

  assert {
    condition = [
      for statement in jsondecode(output.destination_bucket_policy_statements["there"]) :
      { for name, value in statement : name => value if name != "Sid" }
      ] == [
      {
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::111122223333:root" }
        Action = [
          "s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject", "s3:PutObjectAnnotation",
          "s3:GetObjectTagging", "s3:PutObjectTagging", "s3:DeleteObject", "s3:PutObjectAcl",
        ]
        Resource  = ["arn:aws:s3:::photos-there/from/raw/*", "arn:aws:s3:::photos-there/from/a$${*}/*"]
        Condition = { ArnEquals = { "aws:PrincipalArn" = "arn:aws:iam::111122223333:role/photos-fanout-there" } }
      },
      {
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::111122223333:root" }
        Action    = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
        Resource  = ["arn:aws:s3:::photos-there"]
        Condition = { ArnEquals = { "aws:PrincipalArn" = [
          "arn:aws:iam::111122223333:role/photos-fanout-there",
          "arn:aws:iam::111122223333:role/photos-fanout-reconcile",
        ] } }
      },
    ]
    error_message = "The statements for a bucket are not what they should be."
  }

  assert {
    condition = alltrue([for statement in jsondecode(output.destination_bucket_policy_statements["there"]) :
      can(regex("^[A-Za-z0-9]+$", statement.Sid))
    ])
    error_message = "A Sid takes letters and digits only."
  }
}

run "who_compares_nothing_lists_no_bucket" {
  command = plan

  variables {
    destinations = { there = { bucket = "photos-there", account_id = "444455556666" } }
    reconcile    = { enabled = false }
  }

  assert {
    condition     = !strcontains(output.destination_bucket_policy_statements["there"], "reconcile")
    error_message = "Without the reconcile function nothing may name it."
  }
}

run "statements_of_several_destinations_fit_into_one_policy" {
  command = plan

  variables {
    destinations = {
      a   = { bucket = "photos-there", account_id = "444455556666", key_prefix = "a/" }
      b   = { bucket = "photos-there", account_id = "444455556666", key_prefix = "b/" }
      b-c = { bucket = "photos-there", account_id = "444455556666", key_prefix = "c/" }
    }
  }

  assert {
    condition = length(distinct(flatten([
      for statements in output.destination_bucket_policy_statements : jsondecode(statements)[*].Sid
    ]))) == 6
    error_message = "Every statement in a policy needs a Sid of its own."
  }
}

run "only_who_needs_statements_has_them" {
  command = plan

  variables {
    destinations = {
      here  = { bucket = "photos-here" }
      there = { bucket = "photos-there", account_id = "444455556666" }
      keyed = { bucket = "photos-keyed", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef" }
    }
  }

  assert {
    condition     = keys(output.destination_bucket_policy_statements) == ["there"]
    error_message = "A bucket whose account is not given needs no statements."
  }

  assert {
    condition     = keys(output.destination_kms_key_policy_statements) == ["keyed"]
    error_message = "Only who encrypts needs statements for a key."
  }
}

run "the_owner_of_a_key_allows_the_roles_what_they_do_with_it" {
  command = plan

  variables {
    destinations = {
      keyed = { bucket = "photos-keyed", kms_key_arn = "arn:aws:kms:us-west-2:444455556666:key/01234567-89ab-cdef-0123-456789abcdef" }
      plain = { bucket = "photos-plain" }
    }
  }

  assert {
    condition = [
      for statement in jsondecode(output.destination_kms_key_policy_statements["keyed"]) :
      { for name, value in statement : name => value if name != "Sid" }
      ] == [
      {
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::111122223333:root" }
        Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
        Resource  = "*"
        Condition = { ArnEquals = { "aws:PrincipalArn" = "arn:aws:iam::111122223333:role/photos-fanout-keyed" } }
      },
    ]
    error_message = "The statements for a destination's key are not what they should be."
  }

  assert {
    condition = [
      for statement in jsondecode(output.kms_key_policy_statements["source_kms_key_arns"]) :
      { for name, value in statement : name => value if name != "Sid" }
      ] == [
      {
        Effect    = "Allow"
        Principal = { AWS = "arn:aws:iam::111122223333:root" }
        Action    = ["kms:Decrypt"]
        Resource  = "*"
        Condition = { ArnEquals = { "aws:PrincipalArn" = [
          "arn:aws:iam::111122223333:role/photos-fanout-keyed",
          "arn:aws:iam::111122223333:role/photos-fanout-plain",
        ] } }
      },
    ]
    error_message = "The statements for the source's keys are not what they should be."
  }
}
