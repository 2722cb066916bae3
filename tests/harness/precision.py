"""The numpy engine as a reference for other precisions: its products with rounded operands, summed in float64."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from recurra.engines.numpy import gru, linear, lstm, simple_rnn
from recurra.engines.numpy._declare import BACKWARD, FORWARD

__all__ = ["bf16", "rounded_products"]

_MODULES = (gru, linear, lstm, simple_rnn)


def bf16(x: np.ndarray) -> np.ndarray:
    """The nearest bfloat16 numbers, of two the even one, as float32."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


@contextmanager
def rounded_products(precision: str) -> Iterator[None]:
    """Inside, every `@` of the numpy engine's ops is a product of the precision. Nothing else changes."""
    if precision in ("", "float32"):
        yield
        return

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        high_a, high_b = bf16(a).astype(np.float64), bf16(b).astype(np.float64)
        y = high_a @ high_b
        if precision == "bf16x3":
            y = y + bf16(a - high_a).astype(np.float64) @ high_b + high_a @ bf16(b - high_b).astype(np.float64)
        return y

    kept = dict(FORWARD), dict(BACKWARD)
    try:
        for module in _MODULES:
            exec(_rewritten(module), {**vars(module), "_product": product})  # registers its functions again
        yield
    finally:
        FORWARD.update(kept[0])
        BACKWARD.update(kept[1])


def _rewritten(module: ModuleType) -> Any:
    class Products(ast.NodeTransformer):
        def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
            self.generic_visit(node)
            if not isinstance(node.op, ast.MatMult):
                return node
            call = ast.Call(ast.Name("_product", ast.Load()), [node.left, node.right], [])
            return ast.copy_location(call, node)

    tree = Products().visit(ast.parse(inspect.getsource(module)))
    return compile(ast.fix_missing_locations(tree), f"<{module.__name__} with rounded products>", "exec")
