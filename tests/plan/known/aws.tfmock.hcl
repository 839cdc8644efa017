# What AWS would say after an apply. With the topic's ARN known, so is everything built from it.

override_resource {
  target          = aws_sns_topic.fanout
  override_during = plan
  values          = { arn = "arn:aws:sns:eu-central-1:111122223333:photos-fanout" }
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
