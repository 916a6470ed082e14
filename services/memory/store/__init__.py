"""DynamoDB, through pynamodb."""
