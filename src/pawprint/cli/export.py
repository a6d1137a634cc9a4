"""`pawprint export`: the model as ONNX."""

import argparse
import sys
from pathlib import Path

from pawprint.cli.arguments import Commands
from pawprint.cli.root import MODEL, ONNX


def add_parser(commands: Commands) -> None:
    """The command and its options."""
    parser = commands.add_parser("export", help="export the model as ONNX, checked against torch")
    parser.add_argument(
        "--model", type=Path, default=MODEL, help=f"the model file (default: {MODEL})"
    )
    parser.add_argument(
        "--to", type=Path, default=ONNX, help=f"the file to write (default: {ONNX})"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Write the ONNX file.

    Raises:
        SystemExit: the packages of the extra `export` are missing.
    """
    from pawprint.inference import onnx_export

    try:
        print(onnx_export.write(args.model, args.to))
    # onnx and onnxruntime are an extra, since training needs neither
    except ModuleNotFoundError as error:
        sys.exit(
            f"pawprint: export needs the package {error.name}: "
            "pip install -c constraints.txt -e '.[export]'"
        )
