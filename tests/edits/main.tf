# Destinations that are edited while objects are written.

provider "aws" {
  region = "eu-central-1"
}

variable "destinations" {
  type = any
}

module "fanout" {
  source = "../.."

  source_bucket = "edits-source"
  destinations  = var.destinations
  function      = { timeout_seconds = 30 }
  alarms        = { enabled = false }
}
