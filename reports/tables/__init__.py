"""A comparison -> the tables of its scores, in the form of the MFSR paper.

- `build`     which tables there are, and what is in them
- `rows`      the rows of one data set: ours, published ones, and ours minus published
- `scope`     what one table is about, and what is shown of it
- `marks`     best and second best
- `notes`     why a cell is empty, or stands on fewer images
"""
