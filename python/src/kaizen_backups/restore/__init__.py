"""Getting back what was saved: choose it, check it, plan, copy, check again."""
