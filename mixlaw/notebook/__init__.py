"""What Python users hold: fits and answers that print short, draw themselves and give DataFrames.

The functions are those of the rooms below, with their signatures; what they return knows more.
"""
