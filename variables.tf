locals {
  bucket_name = "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"

  # Endings that S3 keeps for what has no notifications, tags or owner as other buckets have: aliases of
  # access points, directory buckets, table buckets (S3 User Guide, "General purpose bucket naming rules").
  no_bucket_name = "(-s3alias|--ol-s3|\\.mrap|--x-s3|--table-s3)$"
  kms_key_arn    = "^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[0-9a-z-]{36}$"
}

variable "source_bucket" {
  type        = string
  description = <<-EOT
    Name of the bucket whose objects are replicated, in the provider's account and region.

    **WARNING: the module owns this bucket's whole notification configuration**
    (`aws_s3_bucket_notification`). Applying it replaces every notification the bucket has, and
    destroying it wipes the configuration, including what others have added since. With `event_source`
    it takes its events from elsewhere and leaves the configuration alone.
  EOT
  nullable    = false

  validation {
    condition     = !startswith(var.source_bucket, "arn:")
    error_message = "source_bucket is the bucket's name, not its ARN: write what follows the last colon, as in \"photos\" for \"arn:aws:s3:::photos\"."
  }

  validation {
    condition     = startswith(var.source_bucket, "arn:") || can(regex(local.bucket_name, var.source_bucket))
    error_message = "source_bucket must be a bucket name: write 3 to 63 lowercase letters, digits, dots and dashes, beginning and ending with a letter or a digit."
  }

  validation {
    condition     = !can(regex(local.no_bucket_name, var.source_bucket))
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
  }))
  description = <<-EOT
    The buckets to replicate to. Each key is a short, lasting name that becomes part of the
    destination's resource names; adding or removing a key touches no other destination.

    - `bucket`: name of the destination bucket.
    - `region`: the bucket's region; `null` means the source bucket's.
    - `account_id`: the account that must own the bucket; `null` means the source bucket's.
    - `prefixes`: replicate only keys that start with one of these; `[]` means every key. Terraform
      composes accented letters (Unicode NFC): to match keys that have them decomposed, end the prefix
      before the first.
    - `exclude_prefixes`: do not replicate keys that start with one of these.
    - `suffixes`: replicate only keys that end with one of these; `[]` means any ending.
    - `strip_prefix`: removed from the key; each of `prefixes` must start with it.
    - `key_prefix`: put in front of what is left of the key.
    - `storage_class`: class that replicas are written with; `SOURCE` means that of the source object,
      `null` means STANDARD. Lifecycle rules may move replicas afterwards.
    - `kms_key_arn`: ARN of the KMS key that replicas are encrypted with; `null` means the bucket's
      default encryption. If that is a key of your own, write it here: the function needs rights to it.
    - `acl`: canned ACL of the replicas, such as `bucket-owner-full-control`; `null` means none.
    - `replicate_deletes`: `true` deletes the replica of an object that is gone at the source, deleted
      or expired.
    - `replicate_tags`: `true` copies tags and follows their changes; `false` writes none.
    - `delivery`: `queue` buffers events in SQS; `direct` invokes the function straight from SNS and
      uses the queue for retries. Changing it replaces the subscription, and events of those seconds
      do not reach this destination: change it while nothing is written, or reconcile afterwards.
    - `maximum_concurrency`: how many copies of the function work on the queue at once, 2 to 1000.
    - `paused`: `true` keeps events in the queue (for up to seven days) and copies nothing.
  EOT
  nullable    = false

  validation {
    condition     = length(var.destinations) > 0
    error_message = "destinations is empty, so nothing would be replicated: write at least one destination, or remove the module."
  }

  # Conditions below let null pass, so that this sentence is the only one.
  validation {
    condition     = alltrue([for d in values(var.destinations) : alltrue([for given in concat([d.bucket], d.prefixes, d.exclude_prefixes, d.suffixes) : given != null])])
    error_message = "The bucket of a destination, or an element of its prefixes, exclude_prefixes or suffixes, is null: write a value, or leave it out."
  }

  validation {
    condition     = alltrue([for key in keys(var.destinations) : can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", key))])
    error_message = "A destination's key becomes part of resource names, and IAM ignores case: write lowercase letters, digits and dashes, beginning and ending with a letter or a digit, as in \"eu-archive\"."
  }

  validation {
    condition     = alltrue([for key in keys(var.destinations) : length(key) <= 32])
    error_message = "A destination's key is kept whole in resource names of 64 characters, next to the source's name: write at most 32 characters."
  }

  # "a-dead-letter" would name its work queue as "a" names its dead-letter queue.
  validation {
    condition     = alltrue([for key in keys(var.destinations) : !can(regex("-(dead-letter|undelivered)$", key))])
    error_message = "A destination's key must not end in \"-dead-letter\" or \"-undelivered\", which name the queues of a destination: write another ending."
  }

  validation {
    condition     = alltrue([for key in keys(var.destinations) : !contains(["all", "reconcile"], key)])
    error_message = "A destination's key must not be \"all\" or \"reconcile\", which mean every destination and the function that compares them: write another key."
  }

  validation {
    condition     = alltrue([for d in values(var.destinations) : try(!startswith(d.bucket, "arn:"), true)])
    error_message = "A destination's bucket is the bucket's name, not its ARN: write what follows the last colon, as in \"photos\" for \"arn:aws:s3:::photos\"."
  }

  validation {
    condition     = alltrue([for d in values(var.destinations) : try(startswith(d.bucket, "arn:"), true) || can(regex(local.bucket_name, d.bucket))])
    error_message = "A destination's bucket must be a bucket name: write 3 to 63 lowercase letters, digits, dots and dashes, beginning and ending with a letter or a digit."
  }

  validation {
    condition     = alltrue([for d in values(var.destinations) : !can(regex(local.no_bucket_name, d.bucket))])
    error_message = "A destination's bucket is an access point, a directory bucket or a table bucket: write the name of a general purpose bucket."
  }

  validation {
    condition     = alltrue([for d in values(var.destinations) : d.region == null || can(regex("^[a-z]+(-[a-z]+)+-[0-9]+$", d.region))])
    error_message = "A destination's region must be a region's code: write it as in \"eu-central-1\", or leave it out for the source bucket's region."
  }

  validation {
    condition     = alltrue([for d in values(var.destinations) : d.account_id == null || can(regex("^[0-9]{12}$", d.account_id))])
    error_message = "A destination's account_id must be an account's number: write its 12 digits in quotes, as in \"012345678901\", or leave it out for the source bucket's account."
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : contains([
      "SOURCE", "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE",
    ], d.storage_class) if d.storage_class != null])
    error_message = "A destination's storage_class is unknown: write SOURCE, STANDARD, REDUCED_REDUNDANCY, STANDARD_IA, ONEZONE_IA, INTELLIGENT_TIERING, GLACIER_IR, GLACIER or DEEP_ARCHIVE, or leave it out for STANDARD."
  }

  validation {
    condition     = alltrue([for d in values(var.destinations) : d.kms_key_arn == null || can(regex(local.kms_key_arn, d.kms_key_arn))])
    error_message = "A destination's kms_key_arn must be a key's ARN, since aliases mean another key in another account: write it as in \"arn:aws:kms:eu-central-1:012345678901:key/...\"."
  }

  validation {
    condition     = alltrue([for d in values(var.destinations) : d.kms_key_arn == null || d.region == null || try(split(":", d.kms_key_arn)[3] == d.region, true)])
    error_message = "A destination's kms_key_arn is a key of another region than the destination's, and S3 uses only keys of a bucket's own region: write one of that region."
  }

  validation {
    condition = alltrue([for d in values(var.destinations) : contains([
      "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read", "bucket-owner-full-control",
    ], d.acl) if d.acl != null])
    error_message = "A destination's acl is unknown: write private, public-read, public-read-write, authenticated-read, aws-exec-read, bucket-owner-read or bucket-owner-full-control, or leave it out."
  }

  validation {
    condition     = alltrue([for d in values(var.destinations) : contains(["queue", "direct"], d.delivery)])
    error_message = "A destination's delivery is unknown: write \"queue\" or \"direct\"."
  }

  validation {
    condition     = alltrue([for d in values(var.destinations) : d.maximum_concurrency >= 2 && d.maximum_concurrency <= 1000 && floor(d.maximum_concurrency) == d.maximum_concurrency])
    error_message = "A destination's maximum_concurrency is out of Lambda's range: write a whole number from 2 to 1000."
  }

  validation {
    condition     = alltrue(flatten([for d in values(var.destinations) : [for prefix in d.prefixes : prefix != ""]]))
    error_message = "A destination has an empty prefix, which every key starts with: write prefixes = [] to replicate every key, or remove the empty one."
  }

  validation {
    condition     = alltrue(flatten([for d in values(var.destinations) : [for suffix in d.suffixes : suffix != ""]]))
    error_message = "A destination has an empty suffix, which every key ends with: write suffixes = [] to replicate keys with any ending, or remove the empty one."
  }

  validation {
    condition     = alltrue(flatten([for d in values(var.destinations) : [for prefix in d.exclude_prefixes : prefix != ""]]))
    error_message = "A destination has an empty string in exclude_prefixes, which excludes every key: remove it."
  }

  validation {
    condition = alltrue(flatten([for d in values(var.destinations) : [
      for prefix in d.prefixes : [for excluded in d.exclude_prefixes : try(excluded == "" || !startswith(prefix, excluded), true)]
    ]]))
    error_message = "A destination's exclude_prefixes leave nothing of one of its prefixes: write exclude_prefixes that are longer than the prefix they are in, or remove that prefix."
  }

  # Without this rule "a/x" and "x" could both become "x" at the destination.
  validation {
    condition     = alltrue(flatten([for d in values(var.destinations) : [for prefix in coalescelist(d.prefixes, [""]) : try(startswith(prefix, d.strip_prefix), true)]]))
    error_message = "A destination's strip_prefix must be the beginning of each of its prefixes: write prefixes = [strip_prefix] to replicate only the keys it can be removed from."
  }

  # SNS allows 150 combinations, and a value four levels deep counts four times: 37 values. Spaces in
  # an event's key are written in two ways, so a prefix with a space needs two values.
  validation {
    condition     = alltrue([for d in values(var.destinations) : length(d.prefixes) + length([for prefix in d.prefixes : prefix if try(strcontains(prefix, " "), false)]) <= 37])
    error_message = "A destination has more prefixes than an SNS filter policy takes: write at most 37, a prefix with a space counting twice, or split them over two destinations."
  }

  # Where the events may be EventBridge's, each prefix is looked for in their place as well, three
  # levels deep. Alternatives add up.
  validation {
    condition = var.event_source == "bucket_notification" || alltrue([for d in values(var.destinations) :
      7 * length(d.prefixes) + 4 * length([for prefix in d.prefixes : prefix if try(strcontains(prefix, " "), false)]) <= 150
    ])
    error_message = "A destination has more prefixes than an SNS filter policy for both kinds of events takes: write at most 21, or 13 with spaces in them, or split them over two destinations."
  }
}

variable "event_source" {
  type        = string
  description = <<-EOT
    Where the topic gets its events from.

    - `bucket_notification`: the module makes the topic and owns the source bucket's whole notification
      configuration.
    - `module_topic`: the module makes the topic, which S3 may publish to for this bucket and
      EventBridge. You wire one of them to the output `topic_arn`.
    - `existing_topic`: the module subscribes to the topic `topic_arn`, and makes no topic, topic policy
      or notification. Other buckets may publish to it as well: their events are ignored.

    Where you wire the events, these must reach the topic: `s3:ObjectCreated:*` and
    `s3:ObjectRestore:Completed`; `s3:ObjectTagging:*` if a destination replicates tags;
    `s3:ObjectRemoved:*` and `s3:LifecycleExpiration:*` if one replicates deletes. EventBridge calls them
    `Object Created`, `Object Restore Completed`, `Object Tags Added`, `Object Tags Deleted` and `Object
    Deleted`; its rule must pass events on as they are, without an input transformer. A destination then
    takes up to 21 prefixes, as SNS looks for each in both kinds of events.
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
  description = "ARN of the topic that receives the source bucket's events, with `event_source = \"existing_topic\"`; it must be in the bucket's region and account. `null` means none."
  default     = null

  validation {
    condition     = var.topic_arn == null || var.event_source == "existing_topic"
    error_message = "topic_arn is for a topic that exists already: write event_source = \"existing_topic\" next to it, or leave topic_arn out."
  }

  validation {
    condition     = var.topic_arn != null || var.event_source != "existing_topic"
    error_message = "event_source is \"existing_topic\", but which one is not said: write the topic's ARN as topic_arn."
  }

  validation {
    condition     = var.topic_arn == null || can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+(\\.fifo)?$", var.topic_arn))
    error_message = "topic_arn must be a topic's ARN: write it as in \"arn:aws:sns:eu-central-1:012345678901:photos\"."
  }

  validation {
    condition     = var.topic_arn == null || !can(regex("\\.fifo$", var.topic_arn))
    error_message = "topic_arn names a FIFO topic, which S3 cannot publish to and Lambda not subscribe to: write the ARN of a standard topic."
  }
}

variable "name" {
  type        = string
  description = <<-EOT
    Beginning of all names but the topic's, which is `<source_bucket>-fanout` (with dashes for dots, and a
    hash behind them); `null` means the topic's name. Roles belong to the whole account, so that instances
    in two regions need different names. Two instances for one bucket also need different keys in
    `destinations`, as metrics are named by bucket and key.
  EOT
  default     = null

  validation {
    condition     = var.name == null || can(regex("^[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$", var.name))
    error_message = "name becomes part of resource names: write at most 64 letters, digits, dashes and underscores, beginning and ending with a letter or a digit."
  }
}

variable "kms_key_arn" {
  type        = string
  description = <<-EOT
    ARN of the KMS key, in the source bucket's region, that encrypts the topic, the queues and the log
    groups; `null` means the keys of SQS and CloudWatch Logs, and no encryption of the topic. Its policy
    must allow what the output `kms_key_policy_statements` says. What SNS cannot deliver is encrypted with
    SQS's own key, so that it is kept when this key is why, and the replication log with DynamoDB's own.
  EOT
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex(local.kms_key_arn, var.kms_key_arn))
    error_message = "kms_key_arn must be a key's ARN, since the functions' roles name it: write it as in \"arn:aws:kms:eu-central-1:012345678901:key/...\"."
  }
}

variable "source_kms_key_arns" {
  type        = list(string)
  description = "ARNs of the KMS keys that source objects are encrypted with, which the functions must be allowed to use."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.source_kms_key_arns : can(regex(local.kms_key_arn, arn))])
    error_message = "source_kms_key_arns must hold ARNs of keys: write them as in \"arn:aws:kms:eu-central-1:012345678901:key/...\"."
  }
}

variable "function" {
  type = object({
    runtime            = optional(string, "python3.13")
    architecture       = optional(string, "arm64")
    memory_mb          = optional(number, 512)
    timeout_seconds    = optional(number, 900)
    log_level          = optional(string, "INFO")
    log_retention_days = optional(number, 30)
  })
  description = <<-EOT
    Settings of the functions, the same for every destination.

    - `runtime`: a Python runtime of Lambda, `python3.11` or newer.
    - `architecture`: `arm64` or `x86_64`.
    - `memory_mb`: 128 to 10240; copied bytes do not pass through the function.
    - `timeout_seconds`: 1 to 900. A copy that is cut off is continued, so that this need not be as long as
      the longest copy. A message is hidden from other workers for 120 seconds longer than this.
    - `log_level`: DEBUG, INFO, WARNING or ERROR.
    - `log_retention_days`: one of CloudWatch's values; 0 keeps logs for ever.
  EOT
  default     = {}
  nullable    = false

  validation {
    condition     = can(regex("^python3\\.(1[1-9]|[2-9][0-9])$", var.function.runtime))
    error_message = "function.runtime must be a Python runtime from 3.11 on, which the code is written for: write it as in \"python3.13\"."
  }

  validation {
    condition     = contains(["arm64", "x86_64"], var.function.architecture)
    error_message = "function.architecture is unknown: write \"arm64\" or \"x86_64\"."
  }

  validation {
    condition     = var.function.memory_mb >= 128 && var.function.memory_mb <= 10240 && floor(var.function.memory_mb) == var.function.memory_mb
    error_message = "function.memory_mb is out of Lambda's range: write a whole number from 128 to 10240."
  }

  validation {
    condition     = var.function.timeout_seconds >= 1 && var.function.timeout_seconds <= 900 && floor(var.function.timeout_seconds) == var.function.timeout_seconds
    error_message = "function.timeout_seconds is out of Lambda's range: write a whole number from 1 to 900."
  }

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.function.log_level)
    error_message = "function.log_level is unknown: write DEBUG, INFO, WARNING or ERROR."
  }

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.function.log_retention_days)
    error_message = "function.log_retention_days is not a value CloudWatch takes: write one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653, or 0 to keep logs for ever."
  }
}

variable "reconcile" {
  type = object({
    enabled      = optional(bool, true)
    schedule     = optional(string)
    delete_extra = optional(bool, false)
    delete_limit = optional(number, 1000)
  })
  description = <<-EOT
    The function that compares destinations with the source by their listings, and queues what differs:
    for objects that were there before the module, after an outage, and as an audit. It is there by
    default because it costs nothing until it is invoked, and the time to need it is an incident.

    - `enabled`: `false` makes no such function.
    - `schedule`: when to repair every destination, as EventBridge writes it: `rate(1 day)` or
      `cron(0 3 * * ? *)`, in UTC; `null` means by hand only. Listing takes 1,000 requests for
      every million keys of each side.
    - `delete_extra`: `true` lets an invocation ask for deletion of what a destination holds under its
      `key_prefix` (in the whole bucket where it has none and no `prefixes`) and the source does not,
      whoever put it there. It is for destinations with `replicate_deletes`; scheduled runs ask for it.
    - `delete_limit`: where a run finds more extra objects than this at a destination, it deletes none.
  EOT
  default     = {}
  nullable    = false

  validation {
    condition     = var.reconcile.schedule == null || can(regex("^(rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)|cron\\(\\S+ \\S+ (\\? \\S+ [^ ?]+|[^ ?]+ \\S+ \\?) \\S+\\))$", var.reconcile.schedule))
    error_message = "reconcile.schedule is not a schedule expression of EventBridge: write it as in \"rate(1 day)\", \"rate(2 days)\" or \"cron(0 3 * * ? *)\", where one of the two fields for days is a question mark."
  }

  validation {
    condition     = var.reconcile.enabled || var.reconcile.schedule == null
    error_message = "reconcile.schedule needs the function that enabled = false leaves out: remove one of them."
  }

  validation {
    condition     = var.reconcile.delete_limit >= 1 && floor(var.reconcile.delete_limit) == var.reconcile.delete_limit
    error_message = "reconcile.delete_limit must be a number of objects: write a whole number from 1 on, or delete_extra = false to delete none."
  }

  validation {
    condition     = !var.reconcile.delete_extra || anytrue([for d in values(var.destinations) : d.replicate_deletes])
    error_message = "reconcile.delete_extra is for destinations with replicate_deletes, and there is none: write replicate_deletes = true for one, or remove delete_extra."
  }
}

variable "alarms" {
  type = object({
    enabled                   = optional(bool, true)
    actions                   = optional(list(string), [])
    replication_delay_minutes = optional(number, 15)
    deletes_per_minute        = optional(number, 100)
  })
  description = <<-EOT
    CloudWatch alarms: seven for each destination, eight with `delivery = "direct"`, one for the topic,
    and one for reconcile if it has a schedule. Each costs $0.10 a month, and says in its description
    which part of docs/operations.md to read.

    - `enabled`: `false` makes none.
    - `actions`: ARNs of what is told when an alarm goes off and when it is over, such as an SNS topic;
      with `[]` alarms are only shown.
    - `replication_delay_minutes`: how late a replica may be.
    - `deletes_per_minute`: how many replicas of a destination may be deleted in a minute.
  EOT
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarms.actions : can(regex("^arn:", arn))])
    error_message = "alarms.actions must hold ARNs: write them as in \"arn:aws:sns:eu-central-1:012345678901:on-call\"."
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
    error_message = "alarms.deletes_per_minute is negative: write 0 to be told of every delete, or more."
  }
}

variable "dashboard" {
  type        = bool
  description = "`true` makes a CloudWatch dashboard with delay, throughput, backlog and failures; it costs $3.00 a month."
  default     = false
  nullable    = false
}

variable "replication_log" {
  type = object({
    enabled        = optional(bool, false)
    retention_days = optional(number, 30)
  })
  description = <<-EOT
    A DynamoDB table with the latest outcome for each object and destination: "is this object
    everywhere?" is one query by its key, "what failed in the last hour?" one of an index. Each attempt is
    a write ($0.625 per million, twice that after a failure or with a key of about 400 characters).

    - `enabled`: `true` makes the table and lets the functions write to it.
    - `retention_days`: how long an outcome is kept.
  EOT
  default     = {}
  nullable    = false

  validation {
    condition     = var.replication_log.retention_days >= 1 && var.replication_log.retention_days <= 3650 && floor(var.replication_log.retention_days) == var.replication_log.retention_days
    error_message = "replication_log.retention_days is out of range: write a whole number of days from 1 to 3650."
  }
}

variable "permissions_boundary_arn" {
  type        = string
  description = "ARN of the policy that bounds the functions' roles; `null` means none."
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[^:]+:iam::[^:]+:policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy: write it as in \"arn:aws:iam::012345678901:policy/boundary\"."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of everything the module creates."
  default     = {}
  nullable    = false
}
