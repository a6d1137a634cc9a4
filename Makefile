# Two commands do everything on a fresh machine: make run, make test.
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
EXTRAS ?= test
export PATH := $(BIN):$(PATH)
# make 3.81, which macOS has, looks for a command in its own PATH unless another shell runs it
SHELL := /bin/bash
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# they train for long, and two trainings side by side slow one another down many times over
ALONE = $(addprefix tests/test_,documents.py live.py traps.py workflow.py)

PRESET ?= pets-resnet34
SAID = @test -n "$(PICTURES)" -a -n "$(WEIGHTS)" || { \
	  echo "make: PICTURES and WEIGHTS are missing: make $@ PICTURES=images.tar.gz WEIGHTS=mobilenet_v2.pth"; exit 1; }

.PHONY: run test test-long check bench bench-full bench-photographs bench-recipes bench-rates bench-twins bench-versions pets collab clean constraints clone
.DELETE_ON_ERROR:

run: clone .venv/run.stamp  ## Rebuild what params.yaml asks for, and say how good it is
	@dvc repro
	@pawprint result

clone:
	@git rev-parse --git-dir >/dev/null 2>&1 || { \
	  echo "make: this folder is not a git clone, which comparing runs needs; get it with git clone, not as a zip"; exit 1; }

test: .venv/$(EXTRAS).stamp check  ## Everything that CI checks
	OMP_WAIT_POLICY=passive pytest -n 2 --dist loadfile --no-loadscope-reorder

test-long: .venv/$(EXTRAS).stamp  ## Many cases of what the tests try once: kills, mutants, params
	OMP_WAIT_POLICY=passive pytest -m long -n 2 --dist loadfile $(addprefix --ignore=,$(ALONE))
	pytest -m long $(ALONE)

check: .venv/$(EXTRAS).stamp  ## Format, lint, types
	ruff format --check .
	ruff check .
	mypy

bench: .venv/test,bench.stamp  ## Side by side with fastai
	python -m benchmarks.compare $(PICTURES)
	python -m benchmarks.quality $(PICTURES)
	CUDA_VISIBLE_DEVICES= python -m benchmarks.epochs
	python -m benchmarks.growth
	python -m benchmarks.ratings

bench-full: bench bench-photographs  ## With the whole recipe on photographs

bench-photographs: .venv/test,bench.stamp  ## Transfer learning on photographs, side by side
	$(SAID)
	python -m benchmarks.photographs "$(PICTURES)" "$(WEIGHTS)" --again 1

bench-recipes: .venv/test,bench.stamp  ## The chapter's recipes on photographs, five seeds each
	$(SAID)
	python -m benchmarks.recipes "$(PICTURES)" "$(WEIGHTS)"

bench-rates: .venv/test,bench.stamp  ## The finder's suggestions beside what each rate gives
	$(SAID)
	python -m benchmarks.rates "$(PICTURES)" "$(WEIGHTS)"

bench-twins: .venv/test,bench.stamp  ## Labels, points and numbers on composed digits, side by side
	python -m benchmarks.twins

bench-versions: .venv/test,bench.stamp  ## What a version of a dataset costs, beside dvc add
	python -m benchmarks.versions "$(PICTURES)"

pets: clone .venv/run.stamp  ## The chapter itself, on 7,390 photographs; PRESET=pets-resnet50
	@python -m benchmarks.pets needs "$(PRESET)"
	cp presets/$(PRESET).yaml params.yaml
	@dvc repro
	@pawprint result
	@python -m benchmarks.pets row $(PRESET)

collab: clone .venv/run.stamp  ## Ratings: collaborative filtering, from made ones at first
	@test -d collab/src || { \
	  echo "make: collab/src is no link to src: git config core.symlinks true && git checkout collab/src"; exit 1; }
	@cd collab && dvc repro && pawprint result

clean:  ## Remove the environment and all that a run leaves, but no data of DVC's
	rm -rf .venv .scratch .pytest_cache .mypy_cache .ruff_cache .hypothesis reports/run
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

constraints: .venv/test,bench.stamp  ## Pin what is installed now
	{ echo "# Exact versions of all that may be installed; written by: make constraints"; \
	  $(BIN)/python -m pip freeze --exclude-editable --exclude pawprint; } > constraints.new
	mv constraints.new constraints.txt

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) must be Python 3.11 or later; try make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/run.stamp: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing torch and the rest into .venv (about 5 GB, some minutes) ..."
	$(INSTALL) -e .
	@touch $@

.venv/%.stamp: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing torch and the rest into .venv (about 5 GB, some minutes) ..."
	$(INSTALL) -e '.[$*]'
	@touch $@ .venv/run.stamp
