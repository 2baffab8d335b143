"""The key ring: pure transitions, the secret that keeps it, and its public face, the JWKS."""
