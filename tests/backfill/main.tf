# A destination that takes everything of a bucket that was full before.

provider "aws" {
  region = "eu-central-1"
}

module "fanout" {
  source = "../.."

  source_bucket = "backfill-source"
  destinations  = { everything = { bucket = "backfill-destination" } }
  function      = { timeout_seconds = 60 }
  reconcile     = {}
}

output "destinations" {
  value = module.fanout.destinations
}
