"""The run-time type check of every test run: as mypy has it, an int serves where a float does."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
