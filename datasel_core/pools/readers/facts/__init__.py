"""Facts: questions with answers and their relation, as columns of a table or made of its rows by templates."""
