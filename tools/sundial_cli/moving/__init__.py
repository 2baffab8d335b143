"""Writing what Dex had into a deployment: users, clients and logins. Each may be done again, which changes nothing."""
