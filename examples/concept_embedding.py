"""Heart failure from codes: vectors of diagnoses, drugs and procedures, and reasons in codes.

On simulated histories whose best possible AUROC is known. Run with
``python examples/concept_embedding.py [FOLDER]``.
"""

# %%
# Histories as of a prediction time; heart failure begins in a tenth within the year after it.
import sys
from pathlib import Path

from cardiorisk.datasets import make_ehr
from cardiorisk.estimators import ConceptHFClassifier
from cardiorisk.evaluation import concept_quality, evaluate
from cardiorisk.explain import explain_codes, plot_concepts
from cardiorisk.features import ConceptEmbedding

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
ehr = make_ehr(n_patients=1200, synonyms=(6, 8, 3), n_other_codes=100, random_state=0)
train, test = ehr.histories[:900], ehr.histories[900:]
print(train)

# %%
# Vectors of codes, from training patients only. What is near a diagnosis?
embedding = ConceptEmbedding(vector_size=30, epochs=5, random_state=0).fit(train)
columns = ["code", "similarity", "events"]
print(embedding.most_similar("diagnosis/diabetes/0", topn=3)[columns].round(2).to_string(), "\n")
known = ehr.codes[ehr.codes["group"] != "other reason"]
print(concept_quality(embedding, dict(zip(known["code"], known["group"], strict=True))), "\n")

ax = plot_concepts(embedding, labels=["diagnosis/diabetes/0", "drug/diabetes/0"])
ax.figure.savefig(folder / "concepts.png", dpi=100)

# %%
# Embedding and classifier as one estimator, cross-validated: no fold's vectors see its patients.
recipe = ConceptHFClassifier(embedding=ConceptEmbedding(vector_size=30, epochs=3), random_state=0)
result = evaluate(recipe, train, ehr.target[:900], cv=3, n_bootstraps=200)
print(f"AUROC {result.metrics['auroc']:.2f}; no model can exceed {ehr.optimal_auroc:.2f}\n")

# %%
# Which codes raise the highest risk, and how many days before the prediction were they?
model = recipe.fit(train, ehr.target[:900])
row = int(model.predict_proba(test)[:, 1].argmax())
print(explain_codes(model, test[[row]]).text(0))
