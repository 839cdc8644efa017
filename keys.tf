# Which keys a destination takes, which keys they become, and where those meet.

locals {
  # Every key starts with "".
  prefixes = { for key, d in var.destinations : key => coalescelist(d.prefixes, [""]) }

  # What the prefixes become at the destination.
  images = { for key, d in var.destinations : key => [
    for prefix in local.prefixes[key] : "${d.key_prefix}${trimprefix(prefix, d.strip_prefix)}"
  ] }

  # Keys in an event are form-encoded, and encoders disagree on a space and on ~ * ! ' ( ). A space is
  # looked for in both spellings; before any of the others the prefix ends. That lets more events
  # through than asked for, which is safe: the function compares the whole prefix.
  event_key_prefixes = { for key, prefixes in local.prefixes : key => distinct(flatten([
    for prefix in prefixes : [
      for space in ["+", "%20"] : replace(replace(urlencode(regex("^[^~*!'()]*", prefix)), "%2F", "/"), "+", space)
    ]
  ])) }

  # The keys a destination takes: they start with one of these, never with one of those, and end with
  # one of the last.
  taken = { for key, d in var.destinations : key => {
    starts = local.prefixes[key]
    never  = d.exclude_prefixes
    ends   = coalescelist(d.suffixes, [""])
  } }

  # The keys it writes. strip_prefix may cut into a suffix, as "raw.j" does into that of "raw.jpg"; then
  # any ending is possible.
  written = { for key, d in var.destinations : key => {
    starts = local.images[key]
    never  = [for prefix in d.exclude_prefixes : "${d.key_prefix}${trimprefix(prefix, d.strip_prefix)}" if startswith(prefix, d.strip_prefix)]
    ends = anytrue(flatten([
      for suffix in d.suffixes : [for n in range(1, length(suffix)) : endswith(d.strip_prefix, substr(suffix, 0, n))]
    ])) ? [""] : coalescelist(d.suffixes, [""])
  } }

  in_bucket = { for key, d in var.destinations : d.bucket => key... }

  # Of each destination, those with its bucket (it is one) that take, or write, a key it may write. Two
  # beginnings meet in the keys that start with the longer one, unless none of those is left.
  meets = { for what, keys in { taken = local.taken, written = local.written } : what => {
    for key, one in local.written : key => [
      for other in local.in_bucket[var.destinations[key].bucket] : other
      if anytrue(flatten([for a in one.starts : [for b in keys[other].starts :
        (startswith(a, b) || startswith(b, a)) && !anytrue([for never in concat(one.never, keys[other].never) : startswith(a, never) || startswith(b, never)])
      ]]))
      && anytrue(flatten([for a in one.ends : [for b in keys[other].ends : endswith(a, b) || endswith(b, a)]]))
    ]
  } }

  # A destination feeds another when its replicas are objects the other one takes. Each step doubles
  # the length of the chains looked at, so the last one holds chains of up to eight.
  feeds_directly  = { for key, d in var.destinations : key => d.bucket == var.source_bucket ? local.meets.taken[key] : [] }
  feeds_over_two  = { for key, fed in local.feeds_directly : key => distinct(concat(fed, flatten([for other in fed : local.feeds_directly[other]]))) }
  feeds_over_four = { for key, fed in local.feeds_over_two : key => distinct(concat(fed, flatten([for other in fed : local.feeds_over_two[other]]))) }
  feeds           = { for key, fed in local.feeds_over_four : key => distinct(concat(fed, flatten([for other in fed : local.feeds_over_four[other]]))) }
  looping         = [for key, fed in local.feeds : key if contains(fed, key)]

  colliding = [for key, met in local.meets.written : key if length(setsubtract(met, [key])) > 0]
}
