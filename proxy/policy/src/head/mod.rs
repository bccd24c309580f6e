//! The rules of a request head and of an answer: what is let through, what is refused and by which rule.
