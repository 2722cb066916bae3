"""The article's second half: the same LSTM "in Node.js", with `lstmLayer` and `denseLayer` as printed there.

    python examples/article_node.py [epochs]

TensorFlow.js has no functions of these names; `recurra.tfjs` does, so that the article runs.
"""

from __future__ import annotations

import sys

import recurra
from recurra import tfjs as tf


def main(epochs: int = 10) -> tf.Sequential:
    recurra.set_seed(1)

    lstm = tf.lstmLayer({"units": 16, "inputShape": [1, 1]})
    dense = tf.denseLayer({"units": 1})
    model = tf.sequential({"layers": [lstm, dense]})
    model.compile({"loss": "meanSquaredError", "optimizer": tf.train.adam()})

    data = tf.tensor2d([1, 2], [2, 1])
    model.fit(data, data, {"epochs": epochs})
    model.predict(tf.tensor2d([3], [1, 1])).print()
    return model


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
