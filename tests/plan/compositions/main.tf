# Ways to call the module, besides by what is unknown at first (../unknown).

terraform {
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      configuration_aliases = [aws.other]
    }
  }
}

resource "terraform_data" "first" {
  input = { account_id = "444455556666" }
}

module "for_each" {
  source   = "../../.."
  for_each = toset(["invoices", "photos"])

  source_bucket = each.key
  destinations  = { for region in ["eu-west-1", "us-west-2"] : region => { bucket = "${each.key}-${region}", region = region } }
  alarms        = { enabled = false }
}

module "count" {
  source = "../../.."
  count  = 2

  source_bucket = "count-${count.index}"
  destinations  = { archive = { bucket = "archive-${count.index}" } }
  alarms        = { enabled = false }
}

module "yaml" {
  source = "../../.."

  source_bucket = "yaml"
  destinations = yamldecode(<<-EOT
    archive: {bucket: archive, prefixes: [a/, b/], storage_class: GLACIER}
    mirror: {bucket: mirror, replicate_deletes: true}
  EOT
  )
}

module "aliased" {
  source    = "../../.."
  providers = { aws = aws.other }

  source_bucket = "aliased"
  destinations  = { archive = { bucket = "archive" } }
  alarms        = { enabled = false }
}

# Its data sources are read at apply, so everything that is built from them is unknown.
module "after" {
  source     = "../../.."
  depends_on = [terraform_data.first]

  source_bucket = "after"
  destinations = {
    queued = { bucket = "archive", prefixes = ["a/"], account_id = terraform_data.first.output.account_id }
    direct = { bucket = "direct", delivery = "direct" }
  }
  reconcile = { schedule = "rate(1 day)" }
  dashboard = true
}

module "empty" {
  source = "../../.."

  source_bucket = "empty"
  destinations  = {}
}

# One key for all, created with the statements that the module needs in its policy.
resource "aws_kms_key" "all" {
  policy = jsonencode({ Statement = jsondecode(module.keyed.kms_key_policy_statements["kms_key_arn"]) })
}

module "keyed" {
  source = "../../.."

  source_bucket       = "keyed"
  kms_key_arn         = aws_kms_key.all.arn
  source_kms_key_arns = [aws_kms_key.all.arn]
  destinations        = { archive = { bucket = "archive", kms_key_arn = aws_kms_key.all.arn } }
  alarms              = { enabled = false }
}

# The account is unknown, and the policies' keys are not.
resource "aws_s3_bucket_policy" "there" {
  for_each = module.after.destination_bucket_policy_statements

  bucket = each.key
  policy = jsonencode({ Statement = jsondecode(each.value) })
}

output "key_policy" {
  value = aws_kms_key.all.policy
}

output "policies" {
  value = keys(aws_s3_bucket_policy.there)
}

output "destinations" {
  value = [for module in [module.count[1], module.yaml, module.aliased, module.after, module.empty] : keys(module.destinations)]
}
