"""The groups of commands: each module here is one, named as it is typed.

A module has a docstring (its first line is the help), and `add(parser)`, which adds its commands and sets
`run` to a function of the parsed arguments that returns the exit status. It imports what only its commands
need inside them, so that `sundial --help` costs nothing.
"""
