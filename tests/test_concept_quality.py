import numpy as np
import pytest
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

from cardiorisk.evaluation import concept_quality, concept_stability
from cardiorisk.features import ConceptEmbedding


def vectors_of(vectors, names=None):
    embedding = ConceptEmbedding()
    embedding.vectors_ = np.asarray(vectors, dtype=np.float32)
    names = [f"c{k:03d}" for k in range(len(vectors))] if names is None else names
    embedding.vocabulary_ = np.array(names)
    return embedding


@pytest.fixture
def clouds():
    """Three clouds of 20 codes around directions of their own, and 5 codes without a group."""
    rng = np.random.default_rng(0)
    centres = np.eye(3, 8)[np.repeat([0, 1, 2], 20)]
    vectors = np.concatenate([centres + 0.4 * rng.normal(size=(60, 8)), rng.normal(size=(5, 8))])
    return vectors_of(vectors), {f"c{k:03d}": f"g{k // 20}" for k in range(60)}


def test_purity_and_silhouette_against_scikit_learn(clouds):
    embedding, groups = clouds
    found = concept_quality(embedding, groups, n_neighbors=4)
    vectors, labels = embedding.vectors_[:60], np.repeat([0, 1, 2], 20)
    near = NearestNeighbors(n_neighbors=5, metric="cosine").fit(vectors)
    near = near.kneighbors(vectors, return_distance=False)[:, 1:]
    assert found.purity == pytest.approx((labels[near] == labels[:, None]).mean())
    assert found.silhouette == pytest.approx(
        silhouette_score(vectors, labels, metric="cosine"), abs=1e-5
    )
    assert found.chance_purity == pytest.approx(19 / 59)
    assert (found.n_codes, found.n_groups) == (60, 3)
    assert found.by_group["purity"].mean() == pytest.approx(found.purity)


def test_known_pairs(clouds):
    embedding, groups = clouds
    same = [("c000", "c001"), ("c020", "c021"), ("c040", "not there")]
    found = concept_quality(embedding, groups, pairs=same)
    assert found.n_pairs == 2
    assert found.pair_auroc > 0.7
    assert np.isnan(concept_quality(embedding, groups).pair_auroc)


def test_noise_is_at_chance():
    embedding = vectors_of(np.random.default_rng(0).normal(size=(400, 30)))
    groups = {f"c{k:03d}": str(k % 10) for k in range(400)}
    found = concept_quality(embedding, groups)
    assert found.purity == pytest.approx(found.chance_purity, abs=0.03)


def test_a_rotation_is_perfectly_stable(clouds):
    embedding, _ = clouds
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))
    order = np.random.default_rng(2).permutation(65)
    turned = vectors_of((3 * embedding.vectors_ @ rotation)[order], embedding.vocabulary_[order])
    noise = vectors_of(np.random.default_rng(3).normal(size=(65, 8)))
    found = concept_stability([embedding, turned, noise])
    assert found.loc[0, ["overlap", "agreement"]].to_numpy(float) == pytest.approx([1, 1], abs=1e-4)
    assert found["overlap"][1] < 0.3
    assert found["agreement"][1] < 0.7


def test_what_cannot_be_compared_is_refused(clouds):
    embedding, groups = clouds
    with pytest.raises(ValueError, match="at least two groups"):
        concept_quality(embedding, {"c000": "g"})
    with pytest.raises(ValueError, match="expected at least two"):
        concept_stability([embedding])
    with pytest.raises(ValueError, match="different sizes"):
        concept_stability([embedding, vectors_of(np.ones((65, 3)))])
    with pytest.raises(ValueError, match="share 0 codes"):
        concept_stability([embedding, vectors_of(np.ones((5, 8)), list("abcde"))])
    assert groups
