"""The production line: the one way from a request to a signed clip, whoever asks for it.

:mod:`~guarded_gen.production.line` states the order of the stages; nothing else does. Each stage
is one file and takes only the parts that it needs. :mod:`~guarded_gen.production.drive` runs the
stages that are due over a *book*: :mod:`~guarded_gen.production.memory` for the command line, or
the durable one of :mod:`guarded_gen.jobs`. Both write the same records
(:mod:`~guarded_gen.production.work`) and the same entries into the audit log.

May import review, the gates, the log, the store and the rooms below; knows nothing of queues,
of HTTP, or of who asks.
"""
