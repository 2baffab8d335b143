"""The browser's side: the authorization endpoint, the login, the consent, and the way back to the client."""
