"""Published numbers, and when they may stand beside ours.

- `values`   all of it as rows
- `printed`  a printed table as a form: its rows, groups and columns
- `noise`    how far a value moves when it is measured again
"""
