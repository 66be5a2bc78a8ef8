"""Tables: one structure, several ways to print it.

- `model`     what a table is
- `build`     a comparison -> tables, in the form of the MFSR paper
- `notes`     why a cell is empty, or stands on fewer images
- `render`    the formats by name
- `latex` `markdown` `terminal` `data`   one format each
"""
