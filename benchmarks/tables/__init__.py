"""Tables: one structure, and one writer for each form in which it is written down.

- `model`     what a table is
- `text`      numbers as they are printed, and names that cannot break a line
- `write`     the forms by name, to standard output or into a file: what commands call
- `terminal` `markdown` `latex` `data`   one form each; CSV and JSON are `data`
"""
