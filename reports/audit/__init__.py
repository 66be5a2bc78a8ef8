"""The audit of a paper's tables: what is wrong in them, or cannot be told from them.

What is not understood is named, and then no verdict is given where it matters: no false
accusation, and no silent "0 errors".

- `model`           tables of a paper, and findings
- `grid`            rows of styled cells: what all formats are read into
- `latex` `markdown` `csv_file`   one reader each
- `tex`             the text and the styles of a piece of LaTeX, by `commands` (what LaTeX has),
                    `macros` and `colours` (what a paper defines); `source` follows its files
- `interpret`       a grid -> methods, data sets, metrics and values, by its `header`; `numbers`
                    says what number a cell holds
- `meaning`         which styles are marks: what the caption says (`legend`), custom, or the values
- `scope`           which rows marks compare
- `read`            the tables of files
- `paper`           the MFSR paper's own tables
- `checks`          all checks, run over all tables together
- `marks` `noise` `contradictions` `names` `impossible` `printed`   one kind of check each
- `cli`             findings in any form that a table has
"""
