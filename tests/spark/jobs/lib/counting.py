"""A module that a batch brings along as one of its pyFiles."""


def words(line):
    return line.lower().split()
