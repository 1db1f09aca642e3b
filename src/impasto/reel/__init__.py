"""A film from end to end: its shots, the work that is kept, several at a time, the file that is made of it."""
