"""The store room: one database for all state, its tables and its migrations.

``open_store`` gives a :class:`Store` on SQLite (embedded) or PostgreSQL (to grow); the schema is
brought up to date while opening. Tables stand in ``store/tables``, one module for each room, and
are portable to both databases. May import settings and errors of the top, nothing else of ours.
"""

from guarded_gen.store.engine import Store, open_store

__all__ = ["Store", "open_store"]
