"""Numbers that others published, as data with their source, and when they may stand beside ours.

- `sources.toml`       who published what, under which names, over how many images
- `mfsr_tables.csv`    Tables 1, 2 and 5 of the MFSR paper, as printed
- `mfsr_ablations.csv` its Tables 3 and 4, as printed
- `mfsr_marks.csv`     what is known of which values it marks as best or second
- `values`             all of it as rows
- `printed`            a printed table as a form: its rows, groups and columns
- `noise`              how far a value moves when it is measured again
"""
