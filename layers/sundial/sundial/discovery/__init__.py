"""What verifiers and clients ask before anything else: the discovery documents, the JWKS, whether we are well."""
