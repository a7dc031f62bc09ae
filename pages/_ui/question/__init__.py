"""What is asked: method, budget, target; and which run answers it."""
