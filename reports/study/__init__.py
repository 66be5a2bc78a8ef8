"""A user study from the packet that raters get to the numbers that a paper prints.

study build    a run -> a packet of web pages for raters, and the key that stays with you
study serve    collects the answers on one machine
study ingest   merges what came in, checks it, and marks what fails
study analyse  vote shares, strengths, agreement and tests, with intervals
study power    how many raters and images are needed, before anyone is asked
"""
