from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recurra.errors import ArgumentError, FormatError
from recurra.formats.tfjs.quantization import dequantize, quantize, stored_dtype

_FILE = Path(__file__).parents[2] / "golden" / "tfjs" / "files" / "quantization.json"
CASES: list[dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_golden(case: dict[str, Any]) -> None:
    entry = case["manifest_entry"]["quantization"]
    stored = np.frombuffer(base64.b64decode(case["bytes_base64"]), stored_dtype(entry, "w"))
    values = dequantize(stored, entry, "float32")
    assert values.dtype == np.float32
    assert (values == np.asarray(case["decoded"], dtype=np.float32)).all()
    again, made = quantize(np.asarray(case["original"], dtype=np.float32), entry["dtype"])
    assert again.tobytes() == stored.tobytes()
    assert made == pytest.approx(entry) if "min" not in entry else made["min"] == pytest.approx(entry["min"], rel=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "uint8", "uint16"])
@pytest.mark.parametrize("low", [-3.0, 0.0, 0.5])
def test_the_error_is_half_a_step(dtype: str, low: float) -> None:
    values = np.random.default_rng(0).uniform(low, low + 4.0, 500).astype(np.float32)
    values[0] = max(low, 0.0)
    stored, entry = quantize(values, dtype)
    step = entry.get("scale", 2.0**-8)
    back = dequantize(stored, entry, "float32")
    assert np.abs(back - values).max() <= step * 0.5001 + 1e-6
    if low <= 0.0:
        assert back[0] == 0.0


def test_integers_are_rounded() -> None:
    entry = {"dtype": "uint8", "scale": 0.4, "min": 0.0}
    assert dequantize(np.array([1, 4], dtype=np.uint8), entry, "int32").tolist() == [0, 2]


@pytest.mark.parametrize(
    "entry",
    [None, [], {}, {"dtype": "uint4"}, {"dtype": ["uint8"]}, {"dtype": "uint8"}, {"dtype": "uint8", "scale": 1.0},
     {"dtype": "uint16", "scale": float("nan"), "min": 0.0}, {"dtype": "uint8", "scale": True, "min": 0.0},
     {"dtype": "uint8", "scale": "1", "min": 0.0}],
)  # fmt: skip
def test_entries_that_mean_nothing(entry: Any) -> None:
    with pytest.raises(FormatError, match="^w is stored"):
        stored_dtype(entry, "w")


def test_what_cannot_be_stored() -> None:
    with pytest.raises(ArgumentError, match="received 'int8'"):
        quantize(np.zeros(3, dtype=np.float32), "int8")
    with pytest.raises(ArgumentError, match="float16"):
        quantize(np.full(3, 1e6, dtype=np.float32), "float16")
    assert quantize(np.zeros(0, dtype=np.float32), "uint8")[0].size == 0
