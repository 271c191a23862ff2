import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.decomposition import PCA

from cardiorisk.explain import plot_concepts
from cardiorisk.features import ConceptEmbedding


@pytest.fixture
def embedding():
    made = ConceptEmbedding()
    made.vectors_ = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    made.vocabulary_ = np.array([f"{'drug' if k % 2 else 'diagnosis'}/{k}" for k in range(40)])
    made.counts_ = np.arange(40)
    yield made
    plt.close("all")


def test_points_are_principal_components_by_type(embedding):
    ax = plot_concepts(embedding, labels={"drug/1": "furosemide"})
    assert ax.get_legend_handles_labels()[1] == ["diagnosis", "drug"]
    assert [text.get_text() for text in ax.texts] == ["furosemide"]
    drawn = np.concatenate([np.asarray(group.get_offsets()) for group in ax.collections])
    unit = embedding.vectors_ / np.linalg.norm(embedding.vectors_, axis=1, keepdims=True)
    expected = PCA(2).fit_transform(unit)
    assert np.allclose(np.sort(np.abs(drawn), axis=0), np.sort(np.abs(expected), axis=0), atol=1e-4)
    assert "% of the variance" in ax.get_xlabel()


def test_chosen_codes_and_own_axes(embedding):
    _, ax = plt.subplots()
    found = plot_concepts(embedding, ["drug/1", "drug/3", "diagnosis/2"], ax=ax, labels=["drug/5"])
    assert found is ax
    assert not ax.texts
    with pytest.raises(KeyError, match="no such"):
        plot_concepts(embedding, ["no such", "drug/1", "drug/3"])
    with pytest.raises(ValueError, match="Got 2 codes"):
        plot_concepts(embedding, ["drug/1", "drug/3"])
