locals {
  topic_arn = var.event_source == "existing_topic" ? var.topic_arn : one(aws_sns_topic.fanout[*].arn)

  # Partition, region and account come from the topic's ARN. The data sources for them differ between
  # versions 5 and 6 of the provider.
  topic_arn_parts = split(":", local.topic_arn)
  partition       = local.topic_arn_parts[1]
  region          = local.topic_arn_parts[3]
  account_id      = local.topic_arn_parts[4]

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
  # Longer names lose the end of the part that all share. The hash keeps apart names that begin alike.
  full_names = { for suffix in concat(keys(var.destinations), ["reconcile"]) : suffix => "${local.name}-${suffix}" }
  short_names = { for suffix, name in local.full_names : suffix =>
    length(name) <= 55 ? name : "${substr(name, 0, 45 - length(suffix))}-${substr(sha256(name), 0, 8)}-${suffix}"
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

  queue_names = { for key, name in local.names : key => {
    work        = name
    dead_letter = "${name}-dead-letter"
    undelivered = "${name}-undelivered"
  } }

  # Built from names because they depend on each other: a queue's policy names the queue itself, and the
  # work queue and its dead-letter queue name each other.
  queue_arns = { for key, names in local.queue_names : key => {
    for queue, name in names : queue => "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${name}"
  } }
}
