"""Conformance: do we score published images as their authors did?

- `columns`   what the literature calls a metric -> our metric id
- `logs`      the published logs that we know: address, hash, printed means
- `parse`     log and CSV files -> values per image
- `pairing`   which SR image belongs to which HR image and to which published value
- `scoring`   our values of a folder
- `compare`   ours against theirs, within tolerances
"""
