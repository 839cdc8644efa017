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

  # A destination feeds another when its replicas are objects the other one takes. Each step doubles
  # the length of the chains looked at, so the last one holds chains of up to eight.
  feeds_directly = { for key, d in var.destinations : key => [
    for other, o in var.destinations : other
    if d.bucket == var.source_bucket && o.bucket == var.source_bucket && anytrue(flatten([
      for image in local.images[key] : [
        for prefix in local.prefixes[other] : startswith(image, prefix) || startswith(prefix, image)
      ]
    ]))
  ] }
  feeds_over_two  = { for key, fed in local.feeds_directly : key => distinct(concat(fed, flatten([for other in fed : local.feeds_directly[other]]))) }
  feeds_over_four = { for key, fed in local.feeds_over_two : key => distinct(concat(fed, flatten([for other in fed : local.feeds_over_two[other]]))) }
  feeds           = { for key, fed in local.feeds_over_four : key => distinct(concat(fed, flatten([for other in fed : local.feeds_over_four[other]]))) }
  looping         = [for key, fed in local.feeds : key if contains(fed, key)]

  colliding = [for key, d in var.destinations : key if anytrue(flatten([
    for other, o in var.destinations : [
      for image in local.images[key] : [
        for other_image in local.images[other] : startswith(image, other_image) || startswith(other_image, image)
      ]
    ] if other != key && o.bucket == d.bucket
  ]))]
}
