"""The local server: template.yaml's routes, the real handlers, and MiniStack as the AWS they talk to."""
