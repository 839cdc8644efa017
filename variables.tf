locals {
  bucket_name_pattern = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"

  # S3 reserves these endings for aliases of access points, directory buckets and table buckets, which
  # do not have the notifications, tags or owner of other buckets (S3 User Guide, "General purpose bucket
  # naming rules").
  reserved_bucket_ending = "(-s3alias|--ol-s3|\\.mrap|--x-s3|--table-s3)$"

  kms_key_arn_pattern = "^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-z-]{36}$"

  rate_pattern = "rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)"
  cron_pattern = "cron\\(\\S+ \\S+ (\\? \\S+ [^ ?]+|[^ ?]+ \\S+ \\?) \\S+\\)"

  storage_classes = [
    "SOURCE", "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
    "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE",
  ]
  canned_acls = [
    "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
    "bucket-owner-read", "bucket-owner-full-control",
  ]

  # Terraform drops attributes that an object's type does not have, without a word. These are the likely ones,
  # with what to write instead. The types have them as well, so that a validation can refuse them.
  misspelt = {
    destinations = {
      account            = "account_id"
      concurrency        = "maximum_concurrency"
      destination_prefix = "key_prefix"
      enable             = "paused = true to stop replication, or remove the destination"
      enabled            = "paused = true to stop replication, or remove the destination"
      exclude            = "exclude_prefixes"
      exclude_prefix     = "exclude_prefixes"
      exclude_suffix     = "suffixes with those to replicate"
      exclude_suffixes   = "suffixes with those to replicate"
      filter_prefix      = "prefixes"
      filter_suffix      = "suffixes"
      kms_key            = "kms_key_arn"
      kms_key_id         = "kms_key_arn"
      max_concurrency    = "maximum_concurrency"
      pause              = "paused"
      prefix             = "prefixes"
      replicate_delete   = "replicate_deletes"
      replicate_tag      = "replicate_tags"
      storageclass       = "storage_class"
      suffix             = "suffixes"
    }
    function = {
      architectures         = "architecture"
      log_retention         = "log_retention_days"
      log_retention_in_days = "log_retention_days"
      memory                = "memory_mb"
      memory_size           = "memory_mb"
      retention_days        = "log_retention_days"
      timeout               = "timeout_seconds"
    }
    reconcile = {
      delete              = "delete_extra"
      delete_extras       = "delete_extra"
      enable              = "enabled"
      rate                = "schedule"
      schedule_expression = "schedule"
    }
    alarms = {
      action        = "actions"
      alarm_actions = "actions"
      delay_minutes = "replication_delay_minutes"
      enable        = "enabled"
      ok_actions    = "actions, which are notified of both"
    }
    replication_log = {
      enable    = "enabled"
      retention = "retention_days"
    }
  }
}

variable "source_bucket" {
  type        = string
  description = <<-EOT
    Name of the bucket whose objects are replicated. It must be in the provider's account and region.

    **WARNING: the module owns this bucket's whole notification configuration**
    (`aws_s3_bucket_notification`). An apply replaces every notification that the bucket has. A destroy
    removes them all, including those that others have added since. With another `event_source` the module
    leaves the configuration alone.
  EOT
  nullable    = false

  validation {
    condition     = !startswith(var.source_bucket, "arn:")
    error_message = "source_bucket is the bucket's name, not its ARN: write \"photos\" for \"arn:aws:s3:::photos\"."
  }

  validation {
    condition     = startswith(var.source_bucket, "arn:") || can(regex(local.bucket_name_pattern, var.source_bucket))
    error_message = <<-EOT
      source_bucket must be a bucket name:
      write 3 to 63 lowercase letters, digits, dots and dashes, beginning and ending with a letter or a digit.
    EOT
  }

  validation {
    condition     = !can(regex(local.reserved_bucket_ending, var.source_bucket))
    error_message = "source_bucket is an access point, a directory bucket or a table bucket: write the name of a general purpose bucket."
  }
}

variable "destinations" {
  type = map(object({
    bucket              = string
    region              = optional(string)
    account_id          = optional(string)
    prefixes            = optional(list(string), [])
    exclude_prefixes    = optional(list(string), [])
    suffixes            = optional(list(string), [])
    strip_prefix        = optional(string, "")
    key_prefix          = optional(string, "")
    storage_class       = optional(string)
    kms_key_arn         = optional(string)
    acl                 = optional(string)
    replicate_deletes   = optional(bool, false)
    replicate_tags      = optional(bool, true)
    delivery            = optional(string, "queue")
    maximum_concurrency = optional(number, 50)
    paused              = optional(bool, false)
    tags                = optional(map(string), {})

    # Only to be refused, see local.misspelt.
    account            = optional(string)
    concurrency        = optional(string)
    destination_prefix = optional(string)
    enable             = optional(string)
    enabled            = optional(string)
    exclude            = optional(list(string))
    exclude_prefix     = optional(string)
    exclude_suffix     = optional(string)
    exclude_suffixes   = optional(list(string))
    filter_prefix      = optional(string)
    filter_suffix      = optional(string)
    kms_key            = optional(string)
    kms_key_id         = optional(string)
    max_concurrency    = optional(string)
    pause              = optional(string)
    prefix             = optional(string)
    replicate_delete   = optional(string)
    replicate_tag      = optional(string)
    storageclass       = optional(string)
    suffix             = optional(string)
  }))
  description = <<-EOT
    The buckets to replicate to. Choose a short key for each and keep it, because it becomes part of the names
    of the destination's resources. Adding or removing a destination changes no other one. At least 150 fit, as
    long as their buckets' names have 45 characters on average; the plan says when they do not.

    - `bucket`: name of the destination bucket.
    - `region`: the bucket's region. `null` means the source bucket's region.
    - `account_id`: the account that must own the bucket. `null` means the source bucket's account.
    - `prefixes`: replicate only keys that start with one of these. `[]` means every key. Terraform composes
      accented letters (Unicode NFC). To match keys with decomposed letters, end the prefix before the first
      of them.
    - `exclude_prefixes`: do not replicate keys that start with one of these.
    - `suffixes`: replicate only keys that end with one of these. `[]` means any ending.
    - `strip_prefix`: removed from the beginning of the key. Each of `prefixes` must start with it.
    - `key_prefix`: put in front of what is left of the key.
    - `storage_class`: storage class of the replicas. `SOURCE` means that of the source object, `null` means
      STANDARD. Lifecycle rules may move replicas later.
    - `kms_key_arn`: ARN of the KMS key that encrypts the replicas. `null` means the bucket's default
      encryption. If that default is a key of your own, write its ARN here: the function needs permission to
      use it.
    - `acl`: canned ACL of the replicas, such as `bucket-owner-full-control`. `null` means none.
    - `replicate_deletes`: `true` deletes a replica when its source object is deleted or expires.
    - `replicate_tags`: `true` copies tags and follows their changes. `false` writes no tags.
    - `delivery`: how events reach the function. `queue` buffers them in SQS. `direct` invokes the function
      from SNS, and uses the queue for retries only. A change replaces the SNS subscription; the new one is
      there before the old one goes.
    - `maximum_concurrency`: how many invocations process the queue at once, 2 to 1000.
    - `paused`: `true` copies nothing and keeps events in the queue, for up to seven days.
    - `tags`: tags of the destination's resources, beside those of the input `tags`.
  EOT
  nullable    = false

  validation {
    condition = alltrue(flatten([
      for d in values(var.destinations) : [for wrong in keys(local.misspelt.destinations) : d[wrong] == null]
    ]))
    error_message = join("\n", concat(["Terraform would ignore attributes that the module does not have:"], flatten([
      for key, d in var.destinations : [
        for wrong, right in local.misspelt.destinations : "destinations.${key}.${wrong}: write ${right}." if d[wrong] != null
      ]
    ])))
  }

  # The rules below accept null, so that this one alone refuses it. Each names the first destination that is
  # wrong.
  validation {
    condition = alltrue([for d in values(var.destinations) :
      alltrue([for given in concat([d.bucket], d.prefixes, d.exclude_prefixes, d.suffixes) : given != null])
    ])
    error_message = format(<<-EOT
      destinations.%s: its bucket, or an element of its prefixes, exclude_prefixes or suffixes, is null:
      write a value, or leave it out.
    EOT
      , try(keys(var.destinations)[index([
        for d in values(var.destinations) :
        alltrue([for given in concat([d.bucket], d.prefixes, d.exclude_prefixes, d.suffixes) : given != null])
    ], false)], ""))
  }

  validation {
    condition = alltrue([for key in keys(var.destinations) : can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", key))])
    error_message = format(<<-EOT
      destinations.%s: the key becomes part of resource names, and IAM ignores case:
      write lowercase letters, digits and dashes, beginning and ending with a letter or a digit, as in "eu-archive".
    EOT
      , try(keys(var.destinations)[index([
        for key in keys(var.destinations) : can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", key))
    ], false)], ""))
  }

  validation {
    condition = alltrue([for key in keys(var.destinations) : length(key) <= 32])
    error_message = format(<<-EOT
      destinations.%s: the key is too long for resource names of 64 characters that also name the source:
      write at most 32 characters.
    EOT
    , try(keys(var.destinations)[index([for key in keys(var.destinations) : length(key) <= 32], false)], ""))
  }

  # Otherwise the work queue of "a-dead-letter" would have the name of the dead-letter queue of "a".
  validation {
    condition = alltrue([for key in keys(var.destinations) : !can(regex("-(dead-letter|undelivered)$", key))])
    error_message = format(<<-EOT
      destinations.%s: a key must not end in "-dead-letter" or "-undelivered", which name the queues of a destination:
      write another ending.
    EOT
    , try(keys(var.destinations)[index([for key in keys(var.destinations) : !can(regex("-(dead-letter|undelivered)$", key))], false)], ""))
  }

  validation {
    condition = alltrue([for key in keys(var.destinations) : !contains(["all", "reconcile"], key)])
    error_message = format(<<-EOT
      destinations.%s: a key must not be "all", which means every destination, or "reconcile", which names a function:
      write another key.
    EOT
    , try(keys(var.destinations)[index([for key in keys(var.destinations) : !contains(["all", "reconcile"], key)], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : try(!startswith(d.bucket, "arn:"), true)])
    error_message = format(<<-EOT
      destinations.%s: bucket is the bucket's name, not its ARN:
      write "photos" for "arn:aws:s3:::photos".
    EOT
    , try(keys(var.destinations)[index([for d in values(var.destinations) : try(!startswith(d.bucket, "arn:"), true)], false)], ""))
  }

  validation {
    condition = alltrue([
      for d in values(var.destinations) : try(startswith(d.bucket, "arn:"), true) || can(regex(local.bucket_name_pattern, d.bucket))
    ])
    error_message = format(<<-EOT
      destinations.%s: bucket must be a bucket name:
      write 3 to 63 lowercase letters, digits, dots and dashes, beginning and ending with a letter or a digit.
    EOT
      , try(keys(var.destinations)[index([
        for d in values(var.destinations) : try(startswith(d.bucket, "arn:"), true) || can(regex(local.bucket_name_pattern, d.bucket))
    ], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : !can(regex(local.reserved_bucket_ending, d.bucket))])
    error_message = format(<<-EOT
      destinations.%s: bucket is an access point, a directory bucket or a table bucket:
      write the name of a general purpose bucket.
    EOT
      , try(keys(var.destinations)[index([
        for d in values(var.destinations) : !can(regex(local.reserved_bucket_ending, d.bucket))
    ], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : d.region == null || can(regex("^[a-z]+(-[a-z]+)+-[0-9]+$", d.region))])
    error_message = format(<<-EOT
      destinations.%s: region must be the code of a region:
      write it as in "eu-central-1", or leave it out for the source bucket's region.
    EOT
      , try(keys(var.destinations)[index([
        for d in values(var.destinations) : d.region == null || can(regex("^[a-z]+(-[a-z]+)+-[0-9]+$", d.region))
    ], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : d.account_id == null || can(regex("^[0-9]{12}$", d.account_id))])
    error_message = format(<<-EOT
      destinations.%s: account_id must be the number of an account:
      write its 12 digits in quotes, as in "012345678901", or leave it out for the source bucket's account.
    EOT
      , try(keys(var.destinations)[index([
        for d in values(var.destinations) : d.account_id == null || can(regex("^[0-9]{12}$", d.account_id))
    ], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : try(contains(local.storage_classes, d.storage_class), true)])
    error_message = format(<<-EOT
      destinations.%s: storage_class is unknown:
      write ${join(", ", local.storage_classes)},
      or leave it out for STANDARD.
    EOT
      , try(keys(var.destinations)[index([
        for d in values(var.destinations) : try(contains(local.storage_classes, d.storage_class), true)
    ], false)], ""))
  }

  validation {
    condition = alltrue([
      for d in values(var.destinations) : d.kms_key_arn == null || can(regex(local.kms_key_arn_pattern, d.kms_key_arn))
    ])
    error_message = format(<<-EOT
      destinations.%s: kms_key_arn must be the ARN of a key, because an alias means another key in another account:
      write it as in "arn:aws:kms:eu-central-1:012345678901:key/...".
    EOT
      , try(keys(var.destinations)[index([
        for d in values(var.destinations) : d.kms_key_arn == null || can(regex(local.kms_key_arn_pattern, d.kms_key_arn))
    ], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : d.region == null || try(split(":", d.kms_key_arn)[3] == d.region, true)])
    error_message = format(<<-EOT
      destinations.%s: kms_key_arn is a key of another region, and S3 uses only keys of a bucket's own region:
      write a key of the destination's region.
    EOT
      , try(keys(var.destinations)[index([
        for d in values(var.destinations) : d.region == null || try(split(":", d.kms_key_arn)[3] == d.region, true)
    ], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : try(contains(local.canned_acls, d.acl), true)])
    error_message = format(<<-EOT
      destinations.%s: acl is unknown:
      write ${join(", ", local.canned_acls)},
      or leave it out.
    EOT
    , try(keys(var.destinations)[index([for d in values(var.destinations) : try(contains(local.canned_acls, d.acl), true)], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : contains(["queue", "direct"], d.delivery)])
    error_message = format(<<-EOT
      destinations.%s: delivery is unknown:
      write "queue" or "direct".
    EOT
    , try(keys(var.destinations)[index([for d in values(var.destinations) : contains(["queue", "direct"], d.delivery)], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : floor(max(2, min(1000, d.maximum_concurrency))) == d.maximum_concurrency])
    error_message = format(<<-EOT
      destinations.%s: maximum_concurrency is out of Lambda's range:
      write a whole number from 2 to 1000.
    EOT
      , try(keys(var.destinations)[index([
        for d in values(var.destinations) : floor(max(2, min(1000, d.maximum_concurrency))) == d.maximum_concurrency
    ], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : !contains(concat(d.prefixes, d.exclude_prefixes, d.suffixes), "")])
    error_message = format(<<-EOT
      destinations.%s: an empty string in prefixes, exclude_prefixes or suffixes matches every key:
      remove it, or write [] for no filter.
    EOT
      , try(keys(var.destinations)[index([
        for d in values(var.destinations) : !contains(concat(d.prefixes, d.exclude_prefixes, d.suffixes), "")
    ], false)], ""))
  }

  validation {
    condition = alltrue([
      for d in values(var.destinations) : !strcontains(jsonencode([d.prefixes, d.exclude_prefixes, d.suffixes]), "*")
    ])
    error_message = format(<<-EOT
      destinations.%s: prefixes, exclude_prefixes and suffixes have no wildcards, and * would stand for itself:
      write "reports/" for "reports/*", and ".jpg" for "*.jpg".
    EOT
      , try(keys(var.destinations)[index([
        for d in values(var.destinations) : !strcontains(jsonencode([d.prefixes, d.exclude_prefixes, d.suffixes]), "*")
    ], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : startswith(d.strip_prefix, "/") || alltrue([
      for given in concat(d.prefixes, d.exclude_prefixes, [d.key_prefix]) : try(!startswith(given, "/"), true)
    ])])
    error_message = format(<<-EOT
      destinations.%s: one of prefixes, exclude_prefixes or key_prefix begins with a slash, which keys in S3 seldom do:
      write "reports/" for "/reports/". If your keys do, write strip_prefix = "/" too, and key_prefix = "/" to keep it.
    EOT
      , try(keys(var.destinations)[index([for d in values(var.destinations) : startswith(d.strip_prefix, "/") || alltrue([
        for given in concat(d.prefixes, d.exclude_prefixes, [d.key_prefix]) : try(!startswith(given, "/"), true)
    ])], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : !can(regex("[0-9A-Za-z]$", d.key_prefix))])
    error_message = format(<<-EOT
      destinations.%s: key_prefix ends in the middle of a word, and is put in front of keys as it is:
      write "backup/" for "backup", or another ending that is no letter and no digit, such as a dash.
    EOT
    , try(keys(var.destinations)[index([for d in values(var.destinations) : !can(regex("[0-9A-Za-z]$", d.key_prefix))], false)], ""))
  }

  validation {
    condition = alltrue([for d in values(var.destinations) :
      alltrue(flatten([
        for prefix in d.prefixes : [for excluded in d.exclude_prefixes : try(excluded == "" || !startswith(prefix, excluded), true)]
      ]))
    ])
    error_message = format(<<-EOT
      destinations.%s: exclude_prefixes leave nothing of one of its prefixes:
      write exclude_prefixes that are longer than the prefix they are in, or remove that prefix.
    EOT
      , try(keys(var.destinations)[index([for d in values(var.destinations) :
        alltrue(flatten([
          for prefix in d.prefixes : [for excluded in d.exclude_prefixes : try(excluded == "" || !startswith(prefix, excluded), true)]
        ]))
    ], false)], ""))
  }

  # Without this rule "a/x" and "x" could both become "x" at the destination.
  validation {
    condition = alltrue([for d in values(var.destinations) :
      alltrue([
        for prefix in coalescelist(d.prefixes, [""]) : try(startswith(prefix, d.strip_prefix), true)
      ])
    ])
    error_message = format(<<-EOT
      destinations.%s: strip_prefix must be the beginning of each of its prefixes:
      write prefixes = [strip_prefix] to replicate only the keys it can be removed from.
    EOT
      , try(keys(var.destinations)[index([for d in values(var.destinations) :
        alltrue([
          for prefix in coalescelist(d.prefixes, [""]) : try(startswith(prefix, d.strip_prefix), true)
        ])
    ], false)], ""))
  }

  # SNS allows 150 combinations, and a value four levels deep counts four times: 37 values. Events spell
  # spaces in keys in two ways, so a prefix with a space needs two values.
  validation {
    condition = alltrue([for d in values(var.destinations) :
      length(d.prefixes) + length([for prefix in d.prefixes : prefix if try(strcontains(prefix, " "), false)]) <= 37
    ])
    error_message = format(<<-EOT
      destinations.%s: it has more prefixes than an SNS filter policy takes:
      write at most 37, a prefix with a space counting twice, or split them over two destinations.
    EOT
      , try(keys(var.destinations)[index([for d in values(var.destinations) :
        length(d.prefixes) + length([for prefix in d.prefixes : prefix if try(strcontains(prefix, " "), false)]) <= 37
    ], false)], ""))
  }

  # EventBridge has the key in another place, three levels deep. The combinations of both places add up.
  validation {
    condition = var.event_source == "bucket_notification" || alltrue([for d in values(var.destinations) :
      7 * length(d.prefixes) + 4 * length([for prefix in d.prefixes : prefix if try(strcontains(prefix, " "), false)]) <= 150
    ])
    error_message = format(<<-EOT
      destinations.%s: it has more prefixes than an SNS filter policy for both kinds of events takes:
      write at most 21, or 13 with spaces in them, or split them over two destinations.
    EOT
      , try(keys(var.destinations)[index([for d in values(var.destinations) :
        7 * length(d.prefixes) + 4 * length([for prefix in d.prefixes : prefix if try(strcontains(prefix, " "), false)]) <= 150
    ], false)], ""))
  }
}

variable "event_source" {
  type        = string
  description = <<-EOT
    Where the topic gets its events from.

    - `bucket_notification`: the module creates the topic, and owns the source bucket's whole notification
      configuration.
    - `module_topic`: the module creates the topic. S3 may publish to it for this bucket, and so may
      EventBridge. You connect one of them to the output `topic_arn`.
    - `existing_topic`: the module subscribes to the topic `topic_arn`, and creates no topic, topic policy or
      notification. Other buckets may publish to that topic too. The functions ignore their events.

    If you connect the events, the topic must receive `s3:ObjectCreated:*` and `s3:ObjectRestore:Completed`.
    Add `s3:ObjectTagging:*` if a destination replicates tags. Add `s3:ObjectRemoved:*` and
    `s3:LifecycleExpiration:*` if one replicates deletes. EventBridge calls them `Object Created`, `Object
    Restore Completed`, `Object Tags Added`, `Object Tags Deleted` and `Object Deleted`. Its rule must pass
    events on unchanged, without an input transformer. A destination may then have up to 21 prefixes, because
    SNS compares each with both kinds of events. Two buckets that replicate each other need S3's own events:
    EventBridge's do not say who wrote an object, and an echo would undo what was written since.
  EOT
  default     = "bucket_notification"
  nullable    = false

  validation {
    condition     = contains(["bucket_notification", "module_topic", "existing_topic"], var.event_source)
    error_message = "event_source is unknown: write \"bucket_notification\", \"module_topic\" or \"existing_topic\"."
  }
}

variable "topic_arn" {
  type        = string
  description = <<-EOT
    ARN of the topic that receives the source bucket's events, with `event_source = "existing_topic"`. It must
    be in the bucket's region and account. `null` means none.
  EOT
  default     = null

  validation {
    condition     = var.topic_arn == null || var.event_source == "existing_topic"
    error_message = <<-EOT
      topic_arn is for a topic that exists already:
      write event_source = "existing_topic" with it, or leave topic_arn out.
    EOT
  }

  validation {
    condition     = var.topic_arn != null || var.event_source != "existing_topic"
    error_message = "event_source is \"existing_topic\", and topic_arn is missing: write the topic's ARN as topic_arn."
  }

  validation {
    condition = (
      var.topic_arn == null
      || can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+(\\.fifo)?$", var.topic_arn))
    )
    error_message = "topic_arn must be the ARN of a topic: write it as in \"arn:aws:sns:eu-central-1:012345678901:photos\"."
  }

  validation {
    condition     = var.topic_arn == null || !can(regex("\\.fifo$", var.topic_arn))
    error_message = <<-EOT
      topic_arn names a FIFO topic, which S3 cannot publish to and Lambda cannot subscribe to:
      write the ARN of a standard topic.
    EOT
  }
}

variable "name" {
  type        = string
  description = <<-EOT
    Name prefix of every resource except the topic. The topic is named `<source_bucket>-fanout`. If the bucket's
    name has dots, they become dashes and a hash is added. `null` means the topic's name. Role names are unique
    in an account, so instances in two regions need different names. Two instances for one bucket also need
    different keys in `destinations`, because metrics are named by bucket and key.
  EOT
  default     = null

  validation {
    condition     = var.name == null || can(regex("^[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$", var.name))
    error_message = <<-EOT
      name becomes part of resource names:
      write at most 64 letters, digits, dashes and underscores, beginning and ending with a letter or a digit.
    EOT
  }
}

variable "kms_key_arn" {
  type        = string
  description = <<-EOT
    ARN of the KMS key that encrypts the topic, the queues and the log groups. It must be in the source
    bucket's region. `null` means the keys of SQS and CloudWatch Logs, and no encryption of the topic. The
    key's policy must contain the statements of the output `kms_key_policy_statements`. Events that SNS could
    not deliver are encrypted with SQS's own key, so that they are kept if this key is the reason. The
    replication log is encrypted with DynamoDB's own key.
  EOT
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex(local.kms_key_arn_pattern, var.kms_key_arn))
    error_message = <<-EOT
      kms_key_arn must be the ARN of a key, because the functions' roles name it:
      write it as in "arn:aws:kms:eu-central-1:012345678901:key/...".
    EOT
  }
}

variable "source_kms_key_arns" {
  type        = list(string)
  description = "ARNs of the KMS keys that encrypt source objects. The functions get permission to decrypt with them."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.source_kms_key_arns : can(regex(local.kms_key_arn_pattern, arn))])
    error_message = "source_kms_key_arns must be ARNs of keys: write them as in \"arn:aws:kms:eu-central-1:012345678901:key/...\"."
  }
}

variable "function" {
  type = object({
    runtime            = optional(string, "python3.13")
    architecture       = optional(string, "arm64")
    memory_mb          = optional(number, 512)
    timeout_seconds    = optional(number, 120)
    log_level          = optional(string, "INFO")
    log_retention_days = optional(number, 30)

    # Only to be refused, see local.misspelt.
    architectures         = optional(list(string))
    log_retention         = optional(string)
    log_retention_in_days = optional(string)
    memory                = optional(string)
    memory_size           = optional(string)
    retention_days        = optional(string)
    timeout               = optional(string)
  })
  description = <<-EOT
    Settings of the functions, the same for every destination.

    - `runtime`: a Python runtime of Lambda, `python3.11` or newer. Version 5 of the AWS provider takes up to
      `python3.13`.
    - `architecture`: `arm64` or `x86_64`.
    - `memory_mb`: 128 to 10240. Copied bytes do not pass through the function.
    - `timeout_seconds`: 1 to 900. A copy that is cut off continues in the next invocation, so this need not
      be as long as the longest copy. It must be longer than the copy of a part, which matters for objects
      over 10 TB: write 900 for them. A received message stays invisible for 120 seconds longer than this, so
      that long at most an object waits whose function was killed.
    - `log_level`: DEBUG, INFO, WARNING or ERROR.
    - `log_retention_days`: one of CloudWatch's values. 0 keeps logs forever.
  EOT
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([for wrong in keys(local.misspelt.function) : var.function[wrong] == null])
    error_message = join("\n", concat(["Terraform would ignore attributes that the module does not have:"], [
      for wrong, right in local.misspelt.function : "function.${wrong}: write ${right}." if var.function[wrong] != null
    ]))
  }

  validation {
    condition     = can(regex("^python3\\.(1[1-9]|[2-9][0-9])$", var.function.runtime))
    error_message = "function.runtime must be a Python runtime from 3.11 on: write it as in \"python3.13\"."
  }

  validation {
    condition     = contains(["arm64", "x86_64"], var.function.architecture)
    error_message = "function.architecture is unknown: write \"arm64\" or \"x86_64\"."
  }

  validation {
    condition     = floor(max(128, min(10240, var.function.memory_mb))) == var.function.memory_mb
    error_message = "function.memory_mb is out of Lambda's range: write a whole number from 128 to 10240."
  }

  validation {
    condition     = floor(max(1, min(900, var.function.timeout_seconds))) == var.function.timeout_seconds
    error_message = "function.timeout_seconds is out of Lambda's range: write a whole number from 1 to 900."
  }

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.function.log_level)
    error_message = "function.log_level is unknown: write DEBUG, INFO, WARNING or ERROR."
  }

  validation {
    condition = contains([
      0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
    ], var.function.log_retention_days)
    error_message = <<-EOT
      function.log_retention_days is not a value of CloudWatch:
      write 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653,
      or 0 to keep logs forever.
    EOT
  }
}

variable "reconcile" {
  type = object({
    enabled      = optional(bool, true)
    schedule     = optional(string)
    delete_extra = optional(bool, false)
    delete_limit = optional(number, 1000)

    # Only to be refused, see local.misspelt.
    delete              = optional(string)
    delete_extras       = optional(string)
    enable              = optional(string)
    rate                = optional(string)
    schedule_expression = optional(string)
  })
  description = <<-EOT
    The function that compares destinations with the source. It lists the buckets and queues the keys
    that differ. Use it for objects that existed before the module, after an outage, and as an audit. It is
    created by default, because it costs nothing until it is invoked and is needed in incidents.

    - `enabled`: `false` does not create the function.
    - `schedule`: when to repair every destination, as an expression of EventBridge in UTC: `rate(1 day)` or
      `cron(0 3 * * ? *)`. `null` means only by hand. A run makes 1,000 list requests for every million keys
      on each side.
    - `delete_extra`: `true` permits a run to delete objects that exist at the destination and not at the
      source, whoever wrote them. The run must also ask for it; scheduled runs do. Only objects under the
      `key_prefix` are deleted, or in the whole bucket if there is neither a `key_prefix` nor `prefixes`. It
      is for destinations with `replicate_deletes`. Do not use it with two buckets that replicate each other:
      what was just written at the destination would be deleted there.
    - `delete_limit`: a run that finds more extra objects than this at a destination deletes none of them.
  EOT
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([for wrong in keys(local.misspelt.reconcile) : var.reconcile[wrong] == null])
    error_message = join("\n", concat(["Terraform would ignore attributes that the module does not have:"], [
      for wrong, right in local.misspelt.reconcile : "reconcile.${wrong}: write ${right}." if var.reconcile[wrong] != null
    ]))
  }

  validation {
    condition = (
      var.reconcile.schedule == null
      || can(regex("^(${local.rate_pattern}|${local.cron_pattern})$", var.reconcile.schedule))
    )
    error_message = <<-EOT
      reconcile.schedule is not a schedule expression of EventBridge:
      write it as in "rate(1 day)", "rate(2 days)" or "cron(0 3 * * ? *)", where one of the two fields for days is a question mark.
    EOT
  }

  validation {
    condition     = var.reconcile.enabled || var.reconcile.schedule == null
    error_message = "reconcile.schedule needs the function, and enabled = false does not create it: remove one of them."
  }

  validation {
    condition     = var.reconcile.delete_limit >= 1 && floor(var.reconcile.delete_limit) == var.reconcile.delete_limit
    error_message = <<-EOT
      reconcile.delete_limit must be a number of objects:
      write a whole number from 1 on, or delete_extra = false to delete none.
    EOT
  }

  validation {
    condition     = !var.reconcile.delete_extra || anytrue([for d in values(var.destinations) : d.replicate_deletes])
    error_message = <<-EOT
      reconcile.delete_extra is for destinations with replicate_deletes, and there is none:
      write replicate_deletes = true for one, or remove delete_extra.
    EOT
  }
}

variable "alarms" {
  type = object({
    enabled                   = optional(bool, true)
    actions                   = optional(list(string), [])
    replication_delay_minutes = optional(number, 15)
    deletes_per_minute        = optional(number, 100)
    runbook_url               = optional(string, "docs/operations.md")

    # Only to be refused, see local.misspelt.
    action        = optional(string)
    alarm_actions = optional(list(string))
    delay_minutes = optional(string)
    enable        = optional(string)
    ok_actions    = optional(list(string))
  })
  description = <<-EOT
    CloudWatch alarms. There are seven for each destination, eight with `delivery = "direct"`, one for the
    topic, and one for reconcile if it has a schedule. Each costs $0.10 a month.

    - `enabled`: `false` creates none.
    - `actions`: ARNs to notify when an alarm goes off and when it is over, such as an SNS topic. With `[]`
      nobody is notified.
    - `replication_delay_minutes`: how late a replica may be.
    - `deletes_per_minute`: how many replicas of a destination may be deleted in a minute.
    - `runbook_url`: where your people read docs/operations.md, or a page of yours with the same headings.
      Each alarm's description ends with this, `#` and the heading to read.
  EOT
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([for wrong in keys(local.misspelt.alarms) : var.alarms[wrong] == null])
    error_message = join("\n", concat(["Terraform would ignore attributes that the module does not have:"], [
      for wrong, right in local.misspelt.alarms : "alarms.${wrong}: write ${right}." if var.alarms[wrong] != null
    ]))
  }

  validation {
    condition     = alltrue([for arn in var.alarms.actions : can(regex("^arn:", arn))])
    error_message = "alarms.actions must be ARNs: write them as in \"arn:aws:sns:eu-central-1:012345678901:on-call\"."
  }

  validation {
    condition     = length(var.alarms.actions) <= 5
    error_message = "alarms.actions has more entries than an alarm takes: write at most 5, or one SNS topic with several subscriptions."
  }

  validation {
    condition     = var.alarms.replication_delay_minutes > 0
    error_message = "alarms.replication_delay_minutes would make every replica late: write more than 0."
  }

  validation {
    condition     = var.alarms.deletes_per_minute >= 0
    error_message = "alarms.deletes_per_minute is negative: write 0 to be notified of every delete, or more."
  }
}

variable "dashboard" {
  type        = bool
  description = "`true` creates a CloudWatch dashboard of delay, throughput, backlog and failures, for $3.00 a month."
  default     = false
  nullable    = false
}

variable "replication_log" {
  type = object({
    enabled        = optional(bool, false)
    retention_days = optional(number, 30)

    # Only to be refused, see local.misspelt.
    enable    = optional(string)
    retention = optional(string)
  })
  description = <<-EOT
    A DynamoDB table with the latest outcome for each object and destination. "Is this object everywhere?" is
    one query by its key. "What failed in the last hour?" is one query of an index. Each attempt is a write,
    for $0.625 per million. It costs twice that after a failure, or with a key of about 400 characters.

    - `enabled`: `true` creates the table and lets the functions write to it.
    - `retention_days`: how long an outcome is kept.
  EOT
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([for wrong in keys(local.misspelt.replication_log) : var.replication_log[wrong] == null])
    error_message = join("\n", concat(["Terraform would ignore attributes that the module does not have:"], [
      for wrong, right in local.misspelt.replication_log : "replication_log.${wrong}: write ${right}." if var.replication_log[wrong] != null
    ]))
  }

  validation {
    condition     = floor(max(1, min(3650, var.replication_log.retention_days))) == var.replication_log.retention_days
    error_message = "replication_log.retention_days is out of range: write a whole number of days from 1 to 3650."
  }
}

variable "vpc" {
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  description = <<-EOT
    The VPC that the functions run in. `null` means none, which is what most need: copied bytes do not pass
    through a function. In a VPC the functions must reach S3, SQS, Lambda and, with a replication log, DynamoDB.
    Without a way to the internet that takes a gateway endpoint for S3 (and for DynamoDB), and interface
    endpoints for SQS and Lambda. A gateway endpoint does not lead to buckets of other regions: destinations there
    need a way to the internet.

    - `subnet_ids`: the subnets, in at least two zones.
    - `security_group_ids`: security groups that let out HTTPS.
  EOT
  default     = null

  validation {
    condition     = try(length(var.vpc.subnet_ids) > 0 && length(var.vpc.security_group_ids) > 0, var.vpc == null)
    error_message = "vpc needs at least one subnet and one security group: write both, or leave vpc out."
  }
}

variable "role_path" {
  type        = string
  description = <<-EOT
    IAM path of the functions' roles. Choose it with the first apply: two roles of one name cannot exist, so a
    change also needs another `name`.
  EOT
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([!-~]{1,509}/)?$", var.role_path)) && !strcontains(var.role_path, "//")
    error_message = "role_path must begin and end with a slash: write it as in \"/replication/\", or leave it out."
  }
}

variable "permissions_boundary_arn" {
  type        = string
  description = "ARN of the policy that is the permissions boundary of the functions' roles. `null` means none."
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[^:]+:iam::[^:]+:policy/.+$", var.permissions_boundary_arn))
    error_message = <<-EOT
      permissions_boundary_arn must be the ARN of an IAM policy:
      write it as in "arn:aws:iam::012345678901:policy/boundary".
    EOT
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of every resource that the module creates."
  default     = {}
  nullable    = false
}
