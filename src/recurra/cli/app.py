"""The commands and their options."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import MissingDependencyError, RecurraError

__all__ = ["app", "run"]

app = typer.Typer(
    name="recurra",
    help="LSTM networks: forecast a series, checked against simple baselines.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class _Interrupted(Exception):
    """Ctrl-C was pressed."""


@app.callback()
def _root() -> None:
    """LSTM networks: forecast a series, checked against simple baselines."""


@app.command()
def forecast(
    data: Annotated[Path, typer.Argument(help="A CSV or Parquet file with the series.", show_default=False)],
    target: Annotated[str | None, typer.Option(help="The column to forecast.", show_default=False)] = None,
    horizon: Annotated[int | None, typer.Option(help="How many points to forecast.", show_default=False)] = None,
    time: Annotated[str | None, typer.Option(help="The column of times. Default: found.", show_default=False)] = None,
    frequency: Annotated[
        str | None, typer.Option(help="The distance between points, such as 30min or 1 month. Default: found.")
    ] = None,
    season: Annotated[
        str | None,
        typer.Option(help="Points after which the series repeats itself: 12, or 48,336, or none. Default: found."),
    ] = None,
    window: Annotated[
        int | None, typer.Option(help="Points of the past that the network sees. Default: chosen.")
    ] = None,
    units: Annotated[int | None, typer.Option(help="Units of the LSTM. Default: 16.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of training at most. Default: 40.")] = None,
    seed: Annotated[int | None, typer.Option(help="Where random numbers start from. Default: 0.")] = None,
    held_out: Annotated[
        int | None, typer.Option(help="Points at the end for the back-test. Default: a fifth, at most 28 horizons.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The folder to write into. Default: the data's name and -forecast.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Forecast with the model in this output folder of an earlier run; no training.")
    ] = None,
    sort: Annotated[bool, typer.Option("--sort", help="Put rows that are out of order in order.")] = False,
    duplicates: Annotated[
        str | None, typer.Option(help="Of rows of one time, take the first, last, mean, min, max or sum.")
    ] = None,
    decimal: Annotated[str | None, typer.Option(help="The decimal sign, . or ,. Default: found.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="The sign between the cells. Default: found.")] = None,
    encoding: Annotated[str, typer.Option(help="The encoding of the text.")] = "utf-8",
    engine: Annotated[str | None, typer.Option(help="native or numpy. Default: native where it is built.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Forecast a series with an LSTM and say whether it beats simple baselines.

    Writes the model, forecast.csv, forecast.png and report.json into the output folder.
    """
    from .forecast import Request, run_forecast

    try:
        run_forecast(
            Request(
                data=data,
                target=target,
                horizon=horizon,
                time=time,
                frequency=frequency,
                season=season,
                window=window,
                units=units,
                epochs=epochs,
                seed=seed,
                held_out=held_out,
                output=output,
                model=model,
                sort=sort,
                duplicates=duplicates,
                decimal=decimal,
                delimiter=delimiter,
                encoding=encoding,
                engine=engine,
                quiet=quiet,
            )
        )
    except KeyboardInterrupt:
        # Under another name: typer would end the program on this one without a word.
        raise _Interrupted from None


@app.command()
def convert(
    source: Annotated[
        Path, typer.Argument(help="A model: .safetensors, model.json or its folder.", show_default=False)
    ],
    target: Annotated[Path, typer.Argument(help="Where to: NAME.safetensors, or a folder.", show_default=False)],
    to: Annotated[
        str | None, typer.Option("--format", help="recurra or tfjs. Default: recurra for .safetensors, else tfjs.")
    ] = None,
    optimizer: Annotated[
        bool | None, typer.Option(help="Take the state of training along. Default: as far as possible.")
    ] = None,
    quantization: Annotated[str | None, typer.Option(help="Store weights as float16, uint8 or uint16.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare with TensorFlow.js in Node.js.")] = False,
) -> None:
    """Turn a model of TensorFlow.js into one of recurra, or back."""
    from .convert import run_convert

    run_convert(source, target, to, optimizer, quantization, verify)


@app.command()
def export(
    model: Annotated[Path, typer.Argument(help="A model: .safetensors, model.json or its folder.", show_default=False)],
    folder: Annotated[Path, typer.Argument(help="The folder to write.", show_default=False)],
    title: Annotated[str | None, typer.Option(help="The heading of the page. Default: the model's name.")] = None,
    example: Annotated[Path | None, typer.Option(help="What the page shows at first: .json, .csv or .npy.")] = None,
    quantization: Annotated[str | None, typer.Option(help="Store weights as float16, uint8 or uint16.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare with TensorFlow.js in Node.js.")] = False,
) -> None:
    """Write a web page that runs a model with TensorFlow.js, and a script for Node.js."""
    from .export import run_export

    run_export(model, folder, title, example, quantization, verify)


@app.command()
def inspect(
    model: Annotated[Path, typer.Argument(help="A model: .safetensors, model.json or its folder.", show_default=False)],
    weights: Annotated[bool, typer.Option("--weights", help="List every weight with its range.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what a model file holds."""
    from .inspect import run_inspect

    run_inspect(model, weights, as_json)


@app.command()
def info() -> None:
    """Show versions, the engine and the processor."""
    from .info import print_info

    print_info()


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code; see `recurra.cli.main`."""
    warnings.showwarning = _show_warning
    try:
        app(args=None if arguments is None else list(arguments), prog_name="recurra")
    except MissingDependencyError as error:
        return _fail(str(error), 1)
    except RecurraError as error:
        return _fail(str(error), 2)
    except (_Interrupted, KeyboardInterrupt):
        return _fail("interrupted; nothing was written.", 130)
    except BrokenPipeError:
        # Whoever read our output went away: there is nobody to tell.
        sys.stderr.close()
        return 1
    except SystemExit as done:  # how typer leaves, with 2 for arguments it cannot read
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    return 0


def _fail(message: str, code: int) -> int:
    print(f"recurra: {message}", file=sys.stderr, flush=True)
    return code


def _show_warning(message: Any, *_: Any, **__: Any) -> None:
    print(f"recurra: note: {message}", file=sys.stderr)
