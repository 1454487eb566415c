"""Which tickets, and which of their changes, does an export of a ticket system hold?"""
