"""The article's model in the spelling of Keras.

python examples/article_keras.py [epochs]
"""

from __future__ import annotations

import sys

import numpy as np

import recurra
from recurra.layers import LSTM, Dense


def main(epochs: int = 10) -> recurra.Sequential:
    recurra.set_seed(1)

    model = recurra.Sequential([recurra.Input((1, 1)), LSTM(16), Dense(1)])
    model.compile(loss="mean_squared_error", optimizer="adam")

    x = np.array([[1.0], [2.0]])
    y = np.array([[1.0], [2.0]])
    model.fit(x, y, epochs=epochs)
    print(model.predict(np.array([[3.0]])))
    return model


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
