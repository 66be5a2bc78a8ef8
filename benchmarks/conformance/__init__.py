"""Conformance: do we score published images as their authors did?

- `columns`   what the literature calls a metric -> our metric id
- `logs`      the published logs that we know: address, hash, printed means
- `published` what papers and pages print, as data (`papers/`)
- `parse`     log and CSV files -> values per image
- `scoring`   our values of a folder
- `compare`   ours against theirs, within tolerances
- `rows`      printed rows of methods that run here
- `reproduce` such a row beside ours
"""
