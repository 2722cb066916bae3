"""Makes docs/images/exported-*.png: the exported pages of a model of the taxi series and of the article's, in Chromium.

``PYTHONPATH=src:. .venv-interop/bin/python tests/interop/picture.py [taxi] [article]``
"""

from __future__ import annotations

import csv
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from tests.interop.browser import open_page, serve

import recurra
from recurra import datasets, layers, optimizers
from recurra.formats.tfjs.export import export_web

ROOT = Path(__file__).parents[2]
WINDOW, HORIZON = 96, 24


def taxi(folder: Path) -> None:
    """A day and a half of New York, and what comes next."""
    with (Path(datasets.__file__).parent / "taxi.csv").open(encoding="utf-8") as file:
        series = np.array([float(row["passengers"]) for row in csv.DictReader(file)], dtype=np.float32)
    series = (series - series.mean()) / series.std()
    recurra.set_seed(3)
    windows = np.lib.stride_tricks.sliding_window_view(series, WINDOW + HORIZON)[::2]
    x, y = windows[:, :WINDOW, None], windows[:, WINDOW:]
    model = recurra.Sequential(
        [recurra.Input((WINDOW, 1)), layers.LSTM(24), layers.Dense(HORIZON)], name="taxi_passengers"
    )
    model.compile(optimizers.Adam(5e-3), "mse")
    model.fit(x[:-50], y[:-50], epochs=12, batch_size=32, verbose=0)
    title = "Taxi passengers of New York, the next twelve hours"
    export_web(model, folder, title=title, example=x[-21].round(3).tolist())


def article(folder: Path) -> None:
    """The article's model, trained until it knows its two examples."""
    recurra.set_seed(1)
    model = recurra.Sequential([recurra.Input((1, 1)), layers.LSTM(16), layers.Dense(1)])
    model.compile(optimizers.Adam(1e-2), "mse")
    data = np.array([[1.0], [2.0]])
    model.fit(data, data, epochs=500, verbose=0)
    export_web(model, folder, title="The article's LSTM: 1 is 1, 2 is 2, and 3?", example=[[3.0]])


def main() -> None:
    """Trains, exports, looks."""
    package = ROOT / "tests/golden/tfjs/node_modules/@tensorflow/tfjs"
    for make, name, height in ((taxi, "exported-page.png", 1060), (article, "exported-article.png", 880)):
        if sys.argv[1:] and make.__name__ not in sys.argv[1:]:
            continue
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            make(folder)
            shutil.copy(package / "dist" / "tf.min.js", folder)
            with serve(folder) as url, open_page(f"{url}/", height=height) as page:
                page.wait_for("document.documentElement.dataset.ready === 'yes'")
                page.screenshot(ROOT / "docs" / "images" / name)


if __name__ == "__main__":
    main()
