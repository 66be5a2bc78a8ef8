"""Test sets: what they are, where they lie, and whether they are themselves.

- `catalogue` the sets that are known, as data; `manifests/` holds the hashes of their files
- `places`    from what the user writes to folders
- `opening`   `open_dataset`, the one door of the harness
- `samples`   what lies in the folders of a set: samples, problems, notes
- `manifests` per-file hashes, shipped or made
- `verifying` names, counts, sizes and contents against the card
- `fetching`  downloads; `archives` unpacks what strangers packed
- `making`    makes `div2k-val` and `div2k-bicubic`; `degrading` is how LR images come about
"""
