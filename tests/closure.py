"""The library modules that a file imports, directly or through others, by its syntax alone."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path("src/pawprint")


def dotted_names(path: Path) -> Iterator[str]:
    """Whatever of the library one file names, such as pawprint.core.files or pawprint.a.b.name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pawprint":
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("pawprint."))


def imports_of(path: Path) -> set[Path]:
    """Modules of the library that one file names; of pawprint.a.b.name the file is a/b.py."""
    modules = set()
    for name in dotted_names(path):
        parts = name.split(".")[1:]
        candidates = [SOURCE.joinpath(*parts[:n]).with_suffix(".py") for n in (1, 2, 3)]
        modules |= {file for file in candidates if file.is_file()}
    return modules


def closure(path: Path) -> set[Path]:
    """Modules that a file needs, those of its imports included, and their templates.

    A package's `__init__.py` holds a docstring alone (a test), so none is listed.
    """
    waiting, modules = [path], set[Path]()
    while waiting:
        for module in imports_of(waiting.pop()) - modules:
            modules.add(module)
            waiting.append(module)
    templates = {module.with_suffix(".html") for module in modules}
    return modules | {template for template in templates if template.exists()}
