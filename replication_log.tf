# One item for each object and destination, with the latest outcome.

locals {
  replication_log_table = "${local.name}-replication-log"
  replication_log_arn   = "arn:${local.partition}:dynamodb:${local.region}:${local.account_id}:table/${local.replication_log_table}"
}

# DynamoDB encrypts every table with its own key. There is no point-in-time recovery, because the items only
# describe the buckets, and expire.
resource "aws_dynamodb_table" "replication_log" {
  count = var.replication_log.enabled ? 1 : 0

  name         = local.replication_log_table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "key"
  range_key    = "destination"
  tags         = var.tags

  attribute {
    name = "key"
    type = "S"
  }

  attribute {
    name = "destination"
    type = "S"
  }

  attribute {
    name = "failed_at"
    type = "S"
  }

  # Version 6 of the provider warns that hash_key and range_key are deprecated here; version 5 has nothing else.
  # Only items whose latest outcome is a failure have failed_at, so only they are in this index.
  global_secondary_index {
    name            = "failures"
    hash_key        = "destination"
    range_key       = "failed_at"
    projection_type = "ALL"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }
}
