"""Drogue Cloud's rules: what an application does with its events and commands on their way.

``grammar.py`` reads them, ``running.py`` runs them until an endpoint must be asked, ``events.py``
and ``commands.py`` say what comes of that.
"""
