"""The article's first half: an LSTM "in TensorFlow.js", line for line in Python's spelling.

    python examples/article_tensorflowjs.py [epochs]

The article trains for 10 epochs, which is too few to learn anything; try 2000.
"""

from __future__ import annotations

import sys

import recurra
from recurra import tfjs as tf


def main(epochs: int = 10) -> tf.Sequential:
    recurra.set_seed(1)

    # Define the model.
    model = tf.sequential()
    model.add(tf.layers.lstm(units=16, inputShape=[1, 1]))
    model.add(tf.layers.dense(units=1))

    # Compile it.
    model.compile(loss="meanSquaredError", optimizer="adam")

    # Train it on two examples.
    xs = tf.tensor2d([[1], [2]])
    ys = tf.tensor2d([[1], [2]])
    model.fit(xs, ys, epochs=epochs)

    # Predict a third.
    model.predict(tf.tensor2d([[3]])).print()
    return model


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
