locals {
  topic_arn = var.event_source == "existing_topic" ? var.topic_arn : one(aws_sns_topic.fanout[*].arn)

  # The topic's ARN tells where we are. The data sources that do are named differently in versions 5
  # and 6 of the provider.
  arn        = split(":", local.topic_arn)
  partition  = local.arn[1]
  region     = local.arn[3]
  account_id = local.arn[4]

  # A topic's name has no dots. The hash keeps the buckets "a.b" and "a-b" apart.
  source_name = strcontains(var.source_bucket, ".") ? "${replace(var.source_bucket, ".", "-")}-${substr(sha256(var.source_bucket), 0, 8)}" : var.source_bucket
  topic_name  = "${local.source_name}-fanout"

  # Where the topic exists already, another instance of the module may be for the same bucket.
  name = coalesce(var.name, local.topic_name)

  # Functions and roles have names of up to 64 characters. What is cut off is the part that all share,
  # and the hash keeps names apart that begin alike.
  whole_names = { for suffix in concat(keys(var.destinations), ["reconcile"]) : suffix => "${local.name}-${suffix}" }
  short_names = { for suffix, name in local.whole_names : suffix =>
    length(name) <= 64 ? name : "${substr(name, 0, 54 - length(suffix))}-${substr(sha256(name), 0, 8)}-${suffix}"
  }
  names          = { for key in keys(var.destinations) : key => local.short_names[key] }
  reconcile_name = local.short_names["reconcile"]

  queue_names = { for key, name in local.names : key => {
    work        = name
    dead_letter = "${name}-dead-letter"
    undelivered = "${name}-undelivered"
  } }

  # Built rather than read: a queue's policy names the queue itself, and the work queue and its
  # dead-letter queue name each other.
  queue_arns = { for key, names in local.queue_names : key => {
    for queue, name in names : queue => "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${name}"
  } }
}
