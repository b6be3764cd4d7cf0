"""``python -m guarded_gen.cli``: the whole program, as ``guarded-gen``."""

from guarded_gen.server import main

main()
