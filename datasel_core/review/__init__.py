"""What people say of a selection before it leaves: keep, drop, swap, a note; and the selection that this makes."""
