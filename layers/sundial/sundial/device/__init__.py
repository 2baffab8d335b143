"""The device flow (RFC 8628), up to the login: what a device asks for, and the page where its code is typed."""
