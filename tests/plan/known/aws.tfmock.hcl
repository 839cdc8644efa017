# What AWS says: of the caller at every plan, of queues after an apply.

mock_data "aws_caller_identity" {
  defaults = { account_id = "111122223333" }
}

mock_data "aws_service" {
  defaults = { partition = "aws", region = "eu-central-1" }
}

override_resource {
  target          = aws_sqs_queue.work
  override_during = plan
  values = {
    arn = "arn:aws:sqs:eu-central-1:111122223333:work"
    url = "https://sqs.eu-central-1.amazonaws.com/111122223333/work"
  }
}

override_resource {
  target          = aws_sqs_queue.dead_letter
  override_during = plan
  values = {
    arn = "arn:aws:sqs:eu-central-1:111122223333:dead-letter"
    url = "https://sqs.eu-central-1.amazonaws.com/111122223333/dead-letter"
  }
}

override_resource {
  target          = aws_sqs_queue.undelivered
  override_during = plan
  values          = { arn = "arn:aws:sqs:eu-central-1:111122223333:undelivered" }
}
