"""``python -m guarded_gen.cli``."""

from guarded_gen.cli import main

main()
