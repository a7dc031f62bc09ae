"""How much better than random a choice is, and by what right: held-out sets, laws over arrays, leaks, and what is
measured with them.
"""
