"""Write the pin of a packaged file into ``classifiers/weights.toml``.

``python -m classifiers.prompt.training.pin NAME FILE --licence … --source …``
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from classifiers.registry import PACKAGE, PINS, read_pins
from media.hashing import sha256_file


def main() -> None:
    ask = argparse.ArgumentParser(description="pin a packaged weights file")
    ask.add_argument("name")
    ask.add_argument("file", type=Path)
    ask.add_argument("--licence", required=True)
    ask.add_argument("--source", required=True)
    ask.add_argument("--attribution", default="")
    options = ask.parse_args()
    file = options.file.resolve()
    pins = read_pins(PINS) if PINS.exists() else {}
    tables = {name: pin.model_dump(mode="json", exclude={"name"}) for name, pin in pins.items()}
    tables[options.name] = {
        "file": str(file.relative_to(PACKAGE)),
        "sha256": sha256_file(file),
        "size": file.stat().st_size,
        "delivery": "packaged",
        "licence": options.licence,
        "source": options.source,
        "attribution": options.attribution,
    }
    lines = ["# Every model file, pinned. Read by classifiers/registry.py.", ""]
    for name in sorted(tables):
        lines.append(f"[weights.{name}]")
        lines += [
            f"{key} = {json.dumps(value, ensure_ascii=False)}"
            for key, value in tables[name].items()
            if value != ""
        ]
        lines.append("")
    PINS.write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main()
