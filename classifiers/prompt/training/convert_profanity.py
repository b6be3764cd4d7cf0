"""Convert the pickled model of ``alt-profanity-check`` to safetensors, once, by hand.

``python -m classifiers.prompt.training.convert_profanity --package FOLDER --out FILE``

``FOLDER`` is the unpacked wheel. Unpickling runs code of that wheel: do it on a machine that
holds nothing of worth. The five cross-validated margins differ little; their mean is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from classifiers.prompt.profanity import word_keys


def main() -> None:
    ask = argparse.ArgumentParser(description="convert alt-profanity-check")
    ask.add_argument("--package", type=Path, required=True)
    ask.add_argument("--out", type=Path, required=True)
    options = ask.parse_args()
    import joblib

    data = options.package / "profanity_check" / "data"
    vectorizer = joblib.load(data / "vectorizer.joblib")
    folds = [c.estimator for c in joblib.load(data / "model.joblib").calibrated_classifiers_]
    words = sorted(vectorizer.vocabulary_, key=vectorizer.vocabulary_.get)
    keys = word_keys(words)
    if len(np.unique(keys)) != len(keys):
        raise SystemExit("two words share a key: use longer keys")
    order = np.argsort(keys)
    save_file(
        {
            "keys": keys[order].view(np.int64),
            "idf": vectorizer.idf_[order].astype(np.float32),
            "coef": np.mean([f.coef_[0] for f in folds], axis=0)[order].astype(np.float32),
            "intercept": np.array([np.mean([f.intercept_[0] for f in folds])], np.float32),
        },
        options.out,
    )


if __name__ == "__main__":
    main()
