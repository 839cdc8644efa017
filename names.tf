data "aws_caller_identity" "current" {}

# The provider's partition and region, without a request. In version 6 of the provider, every attribute of
# data.aws_region that version 5 has is deprecated.
data "aws_service" "s3" {
  service_id = "s3"
}

locals {
  partition  = data.aws_service.s3.partition
  region     = data.aws_service.s3.region
  account_id = data.aws_caller_identity.current.account_id

  # A topic's name has no dots. The hash keeps the buckets "a.b" and "a-b" apart.
  source_hash = substr(sha256(var.source_bucket), 0, 8)
  source_name = (
    strcontains(var.source_bucket, ".") ? "${replace(var.source_bucket, ".", "-")}-${local.source_hash}" : var.source_bucket
  )
  topic_name = "${local.source_name}-fanout"

  # Several instances of the module may share a bucket and a topic that exists already, so they can have
  # names of their own.
  name = coalesce(var.name, local.topic_name)

  # Roles have names of up to 64 characters, and so have functions, whose names end in nine more than these.
  # Longer names lose the end of the part that all share. The hash keeps apart instances whose names begin
  # alike.
  name_hash  = substr(sha256(local.name), 0, 8)
  full_names = { for suffix in concat(keys(var.destinations), ["reconcile"]) : suffix => "${local.name}-${suffix}" }
  short_names = { for suffix, name in local.full_names : suffix =>
    length(name) <= 55 ? name : "${substr(name, 0, 45 - length(suffix))}-${local.name_hash}-${suffix}"
  }
  names          = { for key in keys(var.destinations) : key => local.short_names[key] }
  reconcile_name = local.short_names["reconcile"]

  # S3's events say which function wrote an object, by its name. So the name's ending says from where to where
  # the function copies. What its inverse wrote is not copied back; both may be in different accounts.
  name_endings = { for key, d in var.destinations : key => { for which, replication in {
    own     = [var.source_bucket, d.strip_prefix, d.bucket, d.key_prefix]
    inverse = [d.bucket, d.key_prefix, var.source_bucket, d.strip_prefix]
  } : which => "-${substr(sha256(jsonencode(replication)), 0, 8)}" } }
  function_names = { for key, name in local.names : key => "${name}${local.name_endings[key].own}" }

  # What matches every such name, whatever the destinations: keys have up to 32 characters.
  name_patterns = concat(
    ["${local.name}-*"],
    length(local.name) <= 22 ? [] : ["${substr(local.name, 0, 13)}*-${local.name_hash}-*"],
  )

  queue_names = { for key, name in local.names : key => {
    work        = name
    dead_letter = "${name}-dead-letter"
    undelivered = "${name}-undelivered"
  } }

  # ARNs are built from names. So policies and environments are known at the first plan, and resources can
  # name each other. In exchange, depends_on says what must be there first.
  topic_arn = (
    var.event_source == "existing_topic" ? var.topic_arn
    : "arn:${local.partition}:sns:${local.region}:${local.account_id}:${local.topic_name}"
  )

  # What precedes a name.
  queue_arn_prefix     = "arn:${local.partition}:sqs:${local.region}:${local.account_id}:"
  function_arn_prefix  = "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:"
  log_group_arn_prefix = "arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:/aws/lambda/"
  role_arn_prefix      = "arn:${local.partition}:iam::${local.account_id}:role${var.role_path}"

  queue_arns = { for key, names in local.queue_names : key => {
    for queue, name in names : queue => "${local.queue_arn_prefix}${name}"
  } }
  function_arns = { for key, name in local.function_names : key => "${local.function_arn_prefix}${name}" }
  role_arns     = { for key, name in local.names : key => "${local.role_arn_prefix}${name}" }

  tags = { for key, d in var.destinations : key => merge(var.tags, d.tags) }

  # Without the attributes that are only there to be refused. Terraform evaluates for_each again for every
  # instance, so its size counts.
  destinations = { for key, d in var.destinations : key => {
    for name, value in d : name => value if !contains(keys(local.misspelt.destinations), name)
  } }
}
