# Which keys a destination takes, which keys they become, and where those of two destinations meet.

locals {
  # Every key starts with "".
  prefixes = { for key, d in var.destinations : key => coalescelist(d.prefixes, [""]) }

  # What the prefixes become at the destination.
  destination_prefixes = { for key, d in var.destinations : key => [
    for prefix in local.prefixes[key] : "${d.key_prefix}${trimprefix(prefix, d.strip_prefix)}"
  ] }

  # Keys in events are form-encoded, and encoders differ on a space and on ~ * ! ' ( ). The filter compares
  # both spellings of a space, and ends a prefix before any other of these characters. That lets more
  # events through, which is safe: the function compares the whole prefix.
  event_key_prefixes = { for key, prefixes in local.prefixes : key => distinct(flatten([
    for prefix in prefixes : [
      for space in ["+", "%20"] : replace(replace(urlencode(regex("^[^~*!'()]*", prefix)), "%2F", "/"), "+", space)
    ]
  ])) }

  # The keys that a destination takes: with one of these beginnings and endings, and not excluded.
  taken = { for key, d in var.destinations : key => {
    beginnings = local.prefixes[key]
    excluded   = d.exclude_prefixes
    endings    = coalescelist(d.suffixes, [""])
  } }

  # The keys that it writes. If strip_prefix may cut into a suffix, as "raw.j" does into that of "raw.jpg",
  # any ending is possible.
  written = { for key, d in var.destinations : key => {
    beginnings = local.destination_prefixes[key]
    excluded = [
      for prefix in d.exclude_prefixes : "${d.key_prefix}${trimprefix(prefix, d.strip_prefix)}"
      if startswith(prefix, d.strip_prefix)
    ]
    endings = anytrue(flatten([
      for suffix in d.suffixes : [for n in range(1, length(suffix)) : endswith(d.strip_prefix, substr(suffix, 0, n))]
    ])) ? [""] : coalescelist(d.suffixes, [""])
  } }

  same_bucket = { for key, d in var.destinations : d.bucket => key... }

  # For each destination, what to compare with the keys that it writes: the keys that others write to its
  # bucket, and, if that is the source bucket, the keys that it and they take from there.
  compared = {
    written = { for key, d in var.destinations : key => {
      for other in local.same_bucket[d.bucket] : other => local.written[other] if other != key
    } }
    taken = { for key, d in var.destinations : key => {
      for other in local.same_bucket[d.bucket] : other => local.taken[other]
    } if d.bucket == var.source_bucket }
  }

  # Two beginnings meet if one begins with the other. Their common keys begin with the longer one, so there
  # are none if that is excluded.
  beginnings_meet = { for what, compared in local.compared : what => { for key, others in compared : key => [
    for other, keys in others : other if anytrue(flatten([
      for one in local.written[key].beginnings : [
        for two in keys.beginnings : !anytrue([
          for excluded in concat(local.written[key].excluded, keys.excluded) :
          startswith(startswith(one, two) ? one : two, excluded)
        ]) if startswith(one, two) || startswith(two, one)
      ]
    ]))
  ] } }

  # Of those, the destinations whose endings meet too.
  keys_meet = { for what, met in local.beginnings_meet : what => { for key, others in met : key => [
    for other in others : other if anytrue(flatten([
      for one in local.written[key].endings : [
        for two in local.compared[what][key][other].endings : endswith(one, two) || endswith(two, one)
      ]
    ]))
  ] } }

  colliding = [for key, others in local.keys_meet.written : key if length(others) > 0]

  # A destination feeds another one that takes what it writes. Each step doubles the length of the chains,
  # so the last one has chains of up to eight.
  feeds_directly = local.keys_meet.taken
  feeds_over_two = { for key, fed in local.feeds_directly : key =>
    distinct(concat(fed, flatten([for other in fed : local.feeds_directly[other]])))
  }
  feeds_over_four = { for key, fed in local.feeds_over_two : key =>
    distinct(concat(fed, flatten([for other in fed : local.feeds_over_two[other]])))
  }
  feeds = { for key, fed in local.feeds_over_four : key =>
    distinct(concat(fed, flatten([for other in fed : local.feeds_over_four[other]])))
  }
  looping = [for key, fed in local.feeds : key if contains(fed, key)]
}
