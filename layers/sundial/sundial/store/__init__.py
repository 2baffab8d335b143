"""What is kept: Protocols, and DynamoDB behind them."""
