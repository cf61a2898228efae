"""The audit trail: what was decided, sent, answered and booked, in a chain of lines that shows every change."""
