"""The audit of a paper's tables: what is wrong in them, or cannot be told from them.

- `model`           tables of a paper, and findings
- `grid`            rows of styled cells: what all formats are read into
- `latex` `markdown` `csv_file`   one reader each
- `interpret`       a grid -> methods, data sets, metrics, values and marks
- `paper`           the MFSR paper's own tables
- `checks`          all checks, run over all tables together
- `marks` `noise` `contradictions` `names` `impossible` `printed`   one kind of check each
- `show` `cli`      findings on the terminal, as Markdown and as JSON
"""
