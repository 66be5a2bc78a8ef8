"""How sure a table can be: intervals, tests, and the differences that a data set can show.

- `model`        values per image, and what is found of them
- `per_image`    a comparison as values per image: all of the below starts here
- `intervals`    95 % intervals of means, by the studentised bootstrap over images
- `pairs`        paired sign-flip tests, and Holm's correction over a table
- `detectable`   the smallest difference that a paired test on n images would find
- `influence`    FID as a mean over images, so that it has intervals and tests like the others
- `uncertainty`  all of it for the cells of a table
"""
