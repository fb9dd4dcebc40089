# Every target sets up what it needs in .venv; nothing else has to be installed but Python 3.11+.
PYTHON ?= python3
BIN := .venv/bin
# What runs pytest under something else, such as COVER='-m slipcover --out covered.json'.
COVER :=
# A module's tests stay in one process, which fits its models and compiles its kernels once.
PYTEST := $(BIN)/python $(COVER) -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder
# A cache of its own for each way of compiling: the cache key does not name the mode.
CACHE := .numba_cache

.PHONY: demo test check interpreted bounds bench clean

demo: .venv/installed
	@$(BIN)/xaikit demo

test: .venv/tested
	$(PYTEST)

check: .venv/tested
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest --doctest-modules xaikit --doctest-glob='*.md' README.md CONTRIBUTING.md docs

# What runs compiled kernels, once more without the compiler, and once more with bounds checks.
KERNELS = -m 'kernels and not statistics' $(shell grep --files-with-matches mark.kernels tests/test_*.py)

interpreted: .venv/tested
	NUMBA_DISABLE_JIT=1 $(PYTEST) $(KERNELS)

bounds: .venv/tested
	NUMBA_BOUNDSCHECK=1 NUMBA_CACHE_DIR=$(CACHE)/bounds $(PYTEST) $(KERNELS)

bench: .venv-bench/benched .venv-anchors/benched
	.venv-bench/bin/python -m benchmarks

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: setup.cfg pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --no-compile --editable .
	@touch $@

.venv/tested: setup.cfg pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[test]'
	@touch $@ .venv/installed

# Apart from .venv: a peer (dalex) holds pandas below 3. torch first, for captum would take any.
.venv-bench/benched: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --no-compile torch==2.13.0
	.venv-bench/bin/python -m pip install --quiet --no-compile --editable '.[bench]'
	@touch $@

# Apart from both: alibi takes no NumPy 2. scikit-learn as there, for models are handed over; what
# follows is what alibi works with and does not say.
.venv-anchors/benched: .venv-bench/benched
	$(PYTHON) -m venv .venv-anchors
	.venv-anchors/bin/python -m pip install --quiet --no-compile alibi==0.9.6 anchor-exp==0.0.2.0 \
		numpy==1.26.4 $$(.venv-bench/bin/python -m pip freeze | grep '^scikit-learn==') \
		spacy==3.7.5 thinc==8.2.5 typer==0.15.4 click==8.1.8
	@touch $@

clean:
	rm -rf .venv .venv-bench .venv-anchors $(CACHE) build dist *.egg-info .covered
