"""What default.yaml keeps as digests only: the demonstration's secrets, which everybody may know."""

CLIENT_SECRETS = {"example-app": "ZXhhbXBsZS1hcHAtc2VjcmV0"}
USER_PASSWORDS = {"admin@example.com": "password"}
