"""The library modules that a file imports, directly or through others, by its syntax alone."""

import ast
from pathlib import Path

SOURCE = Path("src/pawprint")


def imported(path: Path) -> set[Path]:
    """Modules of the library that one file names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "pawprint":
            found |= {SOURCE / f"{alias.name}.py" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pawprint."):
            found.add(SOURCE / f"{(node.module or '').split('.')[1]}.py")
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("pawprint.")]
            found |= {SOURCE / f"{name.split('.')[1]}.py" for name in names}
    return found


def closure(path: Path) -> set[Path]:
    """Modules that a file needs, those of its imports included, and their templates."""
    waiting, found = [path], set[Path]()
    while waiting:
        for module in imported(waiting.pop()) - found:
            found.add(module)
            waiting.append(module)
    templates = {module.with_suffix(".html") for module in found}
    return found | {template for template in templates if template.exists()}
