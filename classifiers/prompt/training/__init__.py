"""How the embedded prompt models are made: rows, labels, grammars and the training commands.

Nothing here runs when a prompt is judged.
"""
