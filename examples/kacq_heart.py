"""Splines, simulated qubits and a recurrent network on a clinical table, part by part.

Run with ``python examples/kacq_heart.py [folder for the picture]``. The packaged heart-disease
table, Cleveland; a small setting that runs in seconds.
"""

# %%
# Half of the rows train, half are predicted. Everything that is learned, the scale of the columns
# included, is learned from the first half.
import sys
from pathlib import Path

from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from cardiorisk.backends.circuit_drawing import draw_circuit, plot_circuit
from cardiorisk.datasets import load_heart_disease
from cardiorisk.estimators import KACQDCNNClassifier
from cardiorisk.estimators.kacq import noise_study
from cardiorisk.features import ClinicalTable

heart = load_heart_disease(sites=["cleveland"])
parts = train_test_split(
    heart.data, heart.target, test_size=0.5, stratify=heart.target, random_state=0
)
X_train, X_test, y_train, y_test = parts


def fitted(**switches):
    classifier = KACQDCNNClassifier(n_members=2, epochs=25, random_state=0, **switches)
    return make_pipeline(ClinicalTable(schema=heart.schema, impute="median"), classifier).fit(
        X_train, y_train
    )


# %%
# What each part is worth here. Half of the table is 150 rows: differences below 0.03 are noise.
switches = {
    "both channels": {},
    "without circuits": {"n_circuits": 0},
    "without splines": {"use_kan": False},
    "without the recurrent channel": {"use_recurrent": False},
}
models = {name: fitted(**settings) for name, settings in switches.items()}
for name, model in models.items():
    auroc = roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])
    print(f"{name}: AUROC {auroc:.3f}, {model[-1].n_parameters_} parameters a member")

# %%
# The circuit that was learned, and predictions by PennyLane from the same weights.
model = models["both channels"]
circuit = next(name for name in model[-1].weights_ if name.endswith("layers.0.weights"))
weights = model[-1].weights_[circuit]
print(draw_circuit(4, 1, weights=weights))
ours = model.predict_proba(X_test[:5])
model.set_params(kacqdcnnclassifier__simulator="default.qubit")
theirs = model.predict_proba(X_test[:5])
print(f"largest difference from PennyLane: {abs(ours - theirs).max():.0e}")
model.set_params(kacqdcnnclassifier__simulator="unitary")

# %%
# Noisy gates and few measurements, at prediction only.
study = noise_study(model, X_test, y_test, noise=[0.0, 0.02, 0.1], shots=[None, 100], n_repeats=2)
print(study.groupby(["noise", "shots"], dropna=False)[["auroc", "shift"]].mean().round(3))

# %%
folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
axes = plot_circuit(4, 1, weights=weights)
axes.figure.savefig(folder / "circuit.png", dpi=100)
