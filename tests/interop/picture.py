"""Makes docs/images/exported-page.png: the exported page of a model of the taxi series, in Chromium.

``PYTHONPATH=src:. .venv-interop/bin/python tests/interop/picture.py``
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from pathlib import Path

import numpy as np
from tests.interop.browser import open_page, serve

import recurra
from recurra import datasets, layers, optimizers
from recurra.formats.tfjs.export import export_web

ROOT = Path(__file__).parents[2]
WINDOW, HORIZON = 96, 24


def main() -> None:
    """Trains, exports, looks."""
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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        title = "Taxi passengers of New York, the next twelve hours"
        export_web(model, folder, title=title, example=x[-21].round(3).tolist())
        package = ROOT / "tests/golden/tfjs/node_modules/@tensorflow/tfjs"
        shutil.copy(package / "dist" / "tf.min.js", folder)
        with serve(folder) as url, open_page(f"{url}/", height=1060) as page:
            page.wait_for("document.documentElement.dataset.ready === 'yes'")
            page.screenshot(ROOT / "docs" / "images" / "exported-page.png")


if __name__ == "__main__":
    main()
