"""What users read: a report, the changes and the previous status in, the next status out.

Lives here: conditions, their invariants, findings within bounds, the Events that a transition deserves.
May be imported: rules, desired, snapshot, api, values (and apply's values of what was done).
Never belongs here: a clock, writing, judging.
Read first: conclude.py.
"""
