"""What operators of the operator see: metrics and logs.

Lives here: Prometheus metrics with bounded labels, the set-up of logging.
May be imported: values, status and rules for their words; prometheus_client lives here only.
Never belongs here: deciding, a label whose values a user can multiply.
Read first: metrics.py.
"""
