"""Logging in from the command line, as any client of a provider would: nothing here knows Sundial's insides."""
