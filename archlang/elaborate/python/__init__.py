"""Lines that are no archlang but are Python: read by Python's own parser, and written as flows by the tables of habits.

Only lines that the parser has refused come here, so that a right file never loads this room. What is read is bounded
in length and depth before Python's parser sees it.
"""
