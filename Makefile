# make demo | test | proofs | fuzz | mutants | boards | results | lint: each creates the pinned environment in .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test proofs fuzz mutants boards results lint environment clean

demo: $(VENV)/.ready
	$(BIN)/bitpan demo -o out/demo

test: lint
	$(BIN)/pytest -m "not slow" -n 2 --dist loadfile

# The long proofs: every cross of shapes, stalls and the whole accelerator.
proofs: $(VENV)/.ready
	$(BIN)/pytest -m slow -n 2

# 20,000 damaged files of every kind that is read, in ten minutes: each ends in a typed error or is read.
fuzz: $(VENV)/.ready
	$(BIN)/python tests/support/fuzz.py --inputs 20000

# Faults of one token each, planted in a copy of the sources: prints those that no test sees. COUNT=20: a few.
# SEED=1: others than those of 0.
COUNT ?= 160
SEED ?= 0
mutants: $(VENV)/.ready
	$(BIN)/python tests/support/mutants.py --count $(COUNT) --seed $(SEED)

# What the boards' images would install, and whether Arm processors, emulated, compute the same bits; as root, with
# Debian's mmdebstrap and qemu-user-static.
boards: $(VENV)/.ready
	$(BIN)/python tests/support/boards.py --emulate

# Every figure of docs/results.md, measured where its record is of other sources than these.
results: $(VENV)/.ready
	$(BIN)/python benchmarks/results.py

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@rm -rf out/typing && mkdir -p out/typing/bitpan
	@ln -s $(CURDIR)/bitpan/* $(CURDIR)/models $(CURDIR)/hw $(CURDIR)/build $(CURDIR)/host out/typing/bitpan
	MYPYPATH=out/typing $(BIN)/mypy # it does not see setuptools' package-dir, so it gets the packages as links

environment: $(VENV)/.ready

$(VENV)/.ready: requirements.lock torch.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "bitpan needs Python 3.11 or newer as $(PYTHON): install it, then make PYTHON=/path/to/python3.11"; exit 1; }
	@command -v c++ >/dev/null || command -v g++ >/dev/null || \
	    { echo "bitpan needs a C++ compiler: install g++ (Debian, Ubuntu: apt-get install g++)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	    { echo "python3 -m venv failed: install it (Debian, Ubuntu: apt-get install python3-venv)"; exit 1; }
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-warn-conflicts --requirement torch.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf $(VENV) out
