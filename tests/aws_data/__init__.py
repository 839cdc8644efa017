"""What AWS and its Terraform provider publish about themselves, as judges of what the module says."""
