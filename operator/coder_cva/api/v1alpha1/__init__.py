"""Version v1alpha1 of the CoderDeployment, one file for each part of it.

Lives here: the models of spec and status, each validation beside the field that it guards.
May be imported: api's own part.py, validation.py, errors.py, and values.
Never belongs here: defaults that depend on anything but the schema; the sizing room has those.
Read first: resource.py, which everybody else imports.
"""
