"""One file of rules for each chapter of the architecture.

Lives here: functions whose name states what should hold, and the list RULES of each chapter.
May be imported: the other modules of rules, and the rooms below rules.
Never belongs here: another chapter; a rule without an entry in the catalogue.
Read first: node_pools.py.
"""
