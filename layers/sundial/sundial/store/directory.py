"""Local users kept in DynamoDB, beside those of the configuration file (Dex: enablePasswordDB)."""
