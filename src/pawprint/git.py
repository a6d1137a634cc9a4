"""What git knows of the folder that we are in, or of another."""

import subprocess


def said(*words: str) -> str:
    """The output of `git WORDS`; nothing where it fails, or where there is no git."""
    try:
        made = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return made.stdout if made.returncode == 0 else ""
