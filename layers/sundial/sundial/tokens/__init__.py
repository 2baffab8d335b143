"""What Sundial gives out: ID tokens, access tokens, refresh tokens and authorization codes."""
