"""kopf's corner: the life of the process and the watch of CoderDeployments.

Lives here: kopf's handlers, each a few lines that hand over to the runtime.
May be imported: runtime and what is below it; kopf is imported here and nowhere else.
Never belongs here: deciding, writing, watching what comes by the thousand.
Read first: coderdeployment.py.
"""
