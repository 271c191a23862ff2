# Every verb does its own set-up: a virtual environment in .venv with the tested versions.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
OUTPUT ?= demo

.PHONY: demo test lint types docs bench clean

demo: $(VENV)/.ready-ecg
	$(BIN)/cardiorisk demo --output $(OUTPUT)

test: $(VENV)/.ready-test
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.ready-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready-test
	$(BIN)/mypy

docs: $(VENV)/.ready-docs
	$(BIN)/mkdocs build --strict

bench: $(VENV)/.ready-test
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) demo site build dist

$(VENV)/.ready-%: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable ".[$*]"
	touch $@
