import io
import os
import zipfile
from types import SimpleNamespace

import pytest
import skops.io
from model_files import edited_payload, forge, members_of, write_members
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    RandomForestClassifier,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import FunctionTransformer

import cardiorisk
from cardiorisk._tree_integrity import tree_problem
from cardiorisk.exceptions import (
    UntrustedFileError,
)


@pytest.fixture
def small(tmp_path):
    X, y = make_classification(120, random_state=0)
    model = RandomForestClassifier(5, max_depth=4, random_state=0).fit(X, y)
    path = tmp_path / "model.cardiorisk"
    cardiorisk.save(model, path)
    return path, model, X


class Harmful:
    ran = False

    def __init__(self, *_):
        Harmful.ran = True

    def __reduce__(self):
        return Harmful, ("x",)


def _plant(cls, module, loader, **rest):
    def edit(schema):
        content = schema["content"]["content"]
        content["n_estimators"] = {"__class__": cls, "__module__": module, "__loader__": loader}
        content["n_estimators"] |= rest

    return edit


_ARGUMENT = {
    "__class__": "tuple",
    "__module__": "builtins",
    "__loader__": "TupleNode",
    "content": [
        {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": '"1"'}
    ],
}


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (_plant("system", "posix", "FunctionNode"), r"posix\.system"),
        (_plant("eval", "builtins", "FunctionNode"), r"builtins\.eval"),
        (_plant("eval", "builtins", "TypeNode"), r"builtins\.eval"),
        (_plant("Harmful", __name__, "ObjectNode"), r"Harmful"),
        (_plant("Popen", "subprocess", "ConstructorFromReduceNode", content=_ARGUMENT), "Popen"),
        (
            _plant("Booster", "xgboost.core", "ConstructorFromReduceNode", content=_ARGUMENT),
            r"xgboost\.core\.Booster as ConstructorFromReduceNode",
        ),
        (
            _plant("methodcaller", "operator", "OperatorFuncNode", attrs=_ARGUMENT),
            r"operator\.methodcaller as OperatorFuncNode",
        ),
        (
            _plant("str", "builtins", "MethodNode", content={"func": "join", "obj": {}}),
            "MethodNode",
        ),
        (_plant("partial", "functools", "PartialNode", content={}), "PartialNode"),
        (_plant("csr_matrix", "scipy.sparse", "SparseMatrixNode", file="a"), "SparseMatrixNode"),
        (_plant("x", "y", "MadeUpNode"), "MadeUpNode"),
    ],
)
def test_consistently_forged_file_is_refused_by_name(small, edit, named):
    path, *_ = small
    payload = edited_payload(members_of(path)["model.skops"], edit)
    Harmful.ran = False
    with pytest.raises(UntrustedFileError, match=named):
        cardiorisk.load(forge(path, payload))
    assert not Harmful.ran


@pytest.mark.parametrize("harm", [os.system, eval, Harmful()], ids=["system", "eval", "object"])
def test_forged_with_skops_itself_is_refused(small, harm):
    path, *_ = small
    payload = skops.io.dumps(FunctionTransformer(harm))
    Harmful.ran = False
    with pytest.raises(UntrustedFileError, match=r"system|eval|Harmful"):
        cardiorisk.load(forge(path, payload))
    assert not Harmful.ran


def _tampered(path, kind):
    members = members_of(path)
    payload = members["model.skops"]
    if kind == "extra member":
        write_members(path, members | {"../../evil.py": b"1"})
    elif kind == "changed payload":
        write_members(path, members | {"model.skops": payload[:-1] + b"x"})
    elif kind == "bit flip":
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
    elif kind == "missing payload":
        write_members(path, {"cardiorisk.json": members["cardiorisk.json"]})
    elif kind == "other model":
        forge(path, skops.io.dumps(GaussianNB()))
    elif kind == "not skops":
        forge(path, b"not a zip")
    elif kind == "member out of its folder":
        buffer = io.BytesIO()
        write_members(buffer, {"schema.json": "{}", "../x.npy": b""})
        forge(path, buffer.getvalue())
    elif kind == "deep nesting":
        buffer = io.BytesIO()
        write_members(buffer, {"schema.json": "[" * 100_000})
        forge(path, buffer.getvalue())
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("extra member", r"it holds '\.\./\.\./evil\.py', which no model file has"),
        ("changed payload", "changed or damaged after saving"),
        ("bit flip", r"damaged \(Bad CRC-32"),
        ("missing payload", "damaged"),
        ("other model", "it claims to be .*RandomForestClassifier.* and is .*GaussianNB"),
        ("not skops", "cannot be read"),
        ("member out of its folder", r"it holds '\.\./x\.npy'"),
        ("deep nesting", "cannot be read .*RecursionError"),
    ],
)
def test_tampered_file_is_refused_with_the_reason(small, kind, reason):
    path, *_ = small
    with pytest.raises(UntrustedFileError, match=reason):
        cardiorisk.load(_tampered(path, kind))


def test_two_members_of_one_name_are_refused(small):
    path, *_ = small
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("model.skops", b"")
    with pytest.raises(UntrustedFileError, match="two members of the same name"):
        cardiorisk.load(path)


def test_zip_bomb_is_refused_before_it_is_unpacked(small):
    path, *_ = small
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("1.npy", bytes(30_000_000))
    forge(path, buffer.getvalue())
    assert path.stat().st_size < 100_000
    with pytest.raises(UntrustedFileError, match=r"unpacks to 3000.* more than max_bytes=10000000"):
        cardiorisk.load(path, max_bytes=10_000_000)


def _forest_with(path, change):
    """Save a forest after ``change`` forged its first tree."""
    X, y = make_classification(120, random_state=0)
    forest = RandomForestClassifier(3, max_depth=4, random_state=0).fit(X, y)
    change(forest)
    cardiorisk.save(forest, path)
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f[0].tree_.children_left.__setitem__(0, 10**6), "outside the tree"),
        (lambda f: f[0].tree_.children_right.__setitem__(1, 0), "before its parent"),
        (lambda f: f[0].tree_.children_left.__setitem__(0, -1), "one child"),
        (lambda f: f[0].tree_.feature.__setitem__(0, 500), "a feature beyond the 20"),
        (lambda f: setattr(f, "n_features_in_", 2), "does not split the 2 features"),
        (lambda f: setattr(f[1], "n_features_in_", 2), "does not split the 20 features"),
    ],
)
def test_trees_that_would_read_foreign_memory_are_refused(tmp_path, change, reason):
    with pytest.raises(UntrustedFileError, match=reason):
        cardiorisk.load(_forest_with(tmp_path / "m", change))


def test_trees_that_lie_about_their_depth_are_refused(small):
    path, *_ = small

    def edit(schema):
        waiting = [schema]
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                if one.get("__loader__") == "TreeNode":
                    depth = one["content"]["content"]["max_depth"]
                    depth["content"] = "1"
                    depth.pop("__id__")  # or skops takes the first number of this id
                waiting += one.values()
            elif isinstance(one, list):
                waiting += one

    with pytest.raises(UntrustedFileError, match="deeper than the 1 it claims"):
        cardiorisk.load(forge(path, edited_payload(members_of(path)["model.skops"], edit)))


@pytest.mark.parametrize("count", [0, 9])
def test_trees_without_the_nodes_they_claim_are_refused(count):
    tree = SimpleNamespace(node_count=count, capacity=5)
    assert tree_problem(SimpleNamespace(tree_=tree)) == f"it claims {count} nodes and holds 5"
