"""The `sundial` command: what an operator does to a deployment, one file a group of commands."""
