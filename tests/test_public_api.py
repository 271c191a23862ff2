import ast
import importlib
import inspect
import pkgutil

import pytest

import cardiorisk

PUBLIC = {
    "cardiorisk": ["TRUSTED_TYPES", "__version__", "load", "save"],
    "cardiorisk.records": [
        *("MARKS", "STANDARD_LEADS", "Delineation", "ECGRecord", "PatientHistories", "Variable"),
    ],
    "cardiorisk.io": [
        *("group_codes", "read_ecg", "read_ecgs", "read_fhir", "read_machine_measurements"),
        *("read_meds", "read_mimic_iii", "read_mimic_iv", "read_omop", "read_synthea"),
        "write_meds",
    ],
    "cardiorisk.datasets": [
        "fetch_ludb",
        "fetch_mimic_iv_demo",
        "fetch_mitdb",
        "fetch_ptbxl",
        "load_heart_disease",
        "make_ecg",
        "make_ehr",
        "make_machine_measurements",
        "make_phenotypes",
    ],
    "cardiorisk.features": [
        "FEATURES",
        "ClinicalTable",
        "ConceptCounts",
        "ConceptEmbedding",
        "ECGFeatures",
        "ECGFilter",
        "MachineMeasurements",
        "HEART_FAILURE",
        "SignalQuality",
        "build_cohort",
        "delineate",
        "describe_ecg",
        "wide_qrs_label",
        "wide_qrs_statements",
    ],
    "cardiorisk.estimators": [
        "CardioForestClassifier",
        "ConceptHFClassifier",
        "KACQDCNNClassifier",
        "ProtoECGNetClassifier",
    ],
    "cardiorisk.evaluation": [
        "calibration",
        *("check_leakage", "checklist", "choose_threshold", "compare", "decision_curve"),
        *("drift", "evaluate", "fairness_gaps", "recalibrate", "subgroup_report"),
    ],
    "cardiorisk.explain": [
        *(
            "ConformalClassifier",
            "ConformalMultilabelClassifier",
            "Explanation",
            "build_report",
            "ecg_alt_text",
            "explain",
            "explain_codes",
            "phenotype_associations",
            "plot_ecg",
            "plot_splines",
            "spline_curves",
            "suggest_formulas",
        ),
    ],
}
NAMES = [(module, name) for module, names in PUBLIC.items() for name in names]
SUBPACKAGES = [name for name in PUBLIC if name not in ("cardiorisk", "cardiorisk.records")]


def _all_order(name):
    """Constants, then classes, then the rest: the order that ruff's RUF022 keeps."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2), name


def _exported(module_name):
    module = importlib.import_module(module_name)
    return [(name, getattr(module, name)) for name in module.__all__]


def _documented():
    for module_name in PUBLIC:
        for name, thing in _exported(module_name):
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield pytest.param(thing, id=f"{module_name}.{name}")


@pytest.mark.parametrize(("module", "name"), NAMES, ids=[".".join(pair) for pair in NAMES])
def test_public_name_exists_and_is_exported(module, name):
    loaded = importlib.import_module(module)
    assert hasattr(loaded, name)
    assert name in loaded.__all__


@pytest.mark.parametrize("module", list(PUBLIC))
def test_all_is_sorted_and_complete(module):
    loaded = importlib.import_module(module)
    assert list(loaded.__all__) == sorted(set(loaded.__all__), key=_all_order)
    tree = ast.parse(inspect.getsource(loaded))
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    if module in SUBPACKAGES:
        assert imported == set(loaded.__all__) - {"__version__"}


def _public_classes(package):
    """Classes that a public module of a subpackage lists in its own ``__all__``."""
    for info in pkgutil.iter_modules(package.__path__):
        if not info.name.startswith("_"):
            module = importlib.import_module(f"{package.__name__}.{info.name}")
            for name in getattr(module, "__all__", []):
                thing = getattr(module, name)
                is_own = getattr(thing, "__module__", "").startswith(package.__name__)
                if inspect.isclass(thing) and is_own and hasattr(thing, "fit"):
                    yield name


@pytest.mark.parametrize("module", SUBPACKAGES)
def test_every_estimator_of_a_subpackage_is_exported(module):
    package = importlib.import_module(module)
    assert set(_public_classes(package)) <= set(package.__all__)


@pytest.mark.parametrize("thing", list(_documented()))
def test_public_object_has_an_example(thing):
    text = inspect.getdoc(thing)
    assert text
    assert "Examples\n--------\n" in text
    assert ">>> " in text


def test_every_estimator_can_be_saved():
    for module in SUBPACKAGES:
        for name, thing in _exported(module):
            if inspect.isclass(thing) and hasattr(thing, "fit"):
                path = f"{thing.__module__}.{thing.__qualname__}"
                assert path in cardiorisk.TRUSTED_TYPES, f"{name} is missing in TRUSTED_TYPES"


def test_every_trusted_type_of_ours_exists():
    for path in cardiorisk.TRUSTED_TYPES:
        module, _, name = path.rpartition(".")
        if module.startswith("cardiorisk"):
            assert inspect.isclass(getattr(importlib.import_module(module), name))


def test_trusted_types_are_sorted_and_hold_nothing_that_runs_code():
    assert list(cardiorisk.TRUSTED_TYPES) == sorted(set(cardiorisk.TRUSTED_TYPES))
    roots = {path.partition(".")[0] for path in cardiorisk.TRUSTED_TYPES}
    assert roots == {"cardiorisk", "collections", "lightgbm", "numpy", "sklearn", "xgboost"}
