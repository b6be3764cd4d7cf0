"""The way of a request: gate, generate, gate, mark, encode, sign, publish.

:mod:`~guarded_gen.pipeline.stages` has each stage as a function from files and values to files
and values, so that a durable job can stop after any of them and go on elsewhere.
:mod:`~guarded_gen.pipeline.run` walks them in one process.
"""
