"""Small words that every room uses: manifests, quantities, selectors, names.

Lives here: values without a domain, and the functions that belong to them.
May be imported: the standard library only.
Never belongs here: anything that knows Coder, the architecture or an API client.
Read first: manifest.py.
"""
