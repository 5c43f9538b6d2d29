"""A report of the rules in, text out: for a terminal, for another program, for a ticket.

Lives here: one file for each form of the text.
May be imported: status, rules, catalogue and values; nothing that reads a cluster or a clock.
Never belongs here: judging, printing, colours that a terminal may not have.
Read first: audit.py, table.py.
"""
