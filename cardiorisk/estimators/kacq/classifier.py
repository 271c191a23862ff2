"""Two channels, one of them quantum, on a clinical table: KACQ-DCNN."""

from dataclasses import asdict
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from cardiorisk._validation import check_columns, check_groups, encode_classes
from cardiorisk.estimators._net_batches import net_outputs
from cardiorisk.estimators._net_estimator import NetEstimator
from cardiorisk.estimators._table_classifier import TableClassifier
from cardiorisk.estimators._torch_session import seeded
from cardiorisk.estimators.kacq.fitting import Rows, fit_members
from cardiorisk.estimators.kacq.input_scaling import InputScaling, fit_scaling
from cardiorisk.estimators.kacq.network_plan import NetworkPlan
from cardiorisk.estimators.kacq.out_of_fold import fit_opinion, opinion
from cardiorisk.estimators.kacq.parameters import PUBLISHED, KACQParameters, network_plan
from cardiorisk.exceptions import TableError

__all__ = ["KACQDCNNClassifier"]

Floats = npt.NDArray[np.float64]

AT_PREDICTION = ("simulator", "shots", "noise")
ROWS_AT_ONCE = 1024  # in predictions


class KACQDCNNClassifier(NetEstimator, TableClassifier, KACQParameters):
    """Classify rows of a table by splines, simulated quantum circuits and a recurrent network.

    The quantum channel bends every input by learned splines, mixes them, encodes them as the state
    of a few qubits, and reads these out. The classical channel reads the inputs one after the other
    with a recurrent network. One linear layer joins both.

    Parameters
    ----------
    n_qubits : int, default=4
    n_layers : int, default=1
        Strongly entangling layers of a circuit.
    n_circuits : int, default=1
        Side by side, each on inputs of its own; 0 leaves the circuits out of their channel.
    embedding : {"amplitude", "angle"}, default="amplitude"
        See :class:`~cardiorisk.estimators.kacq.QuantumLayer`, as for the next four.
    rotation : {"X", "Y", "Z"}, default="X"
    simulator : {"unitary", "default.qubit", "lightning.qubit", "lightning.gpu"}, default="unitary"
        All give the same classifier; the first is the fast one.
    shots : int, optional
        Measurements behind each prediction; training is exact.
    noise : float, optional
        Depolarising noise in predictions; training is free of it.
    use_quantum, use_kan, use_recurrent : bool, default=True
        Switches: the channel with the circuits; splines, or dense layers with ReLU; the channel
        with the recurrent network.
    token_units : int, default=4
        Curves that every input gets, the same for all; 0 takes the inputs as they are.
    quantum_units, readout_units : sequence of int, default=() and (8,)
        Spline layers before and after the circuits.
    lstm_units : sequence of int, default=(8,)
        Recurrent layers; () reads all inputs at once.
    bidirectional : bool, default=True
    lstm_activation : {"tanh", "relu"}, default="tanh"
    dense_units, classical_units : sequence of int, default=(16,) and (8,)
        Dense layers, then spline layers, of the classical channel.
    kan_grid, circuit_grid : int, default=3
        Intervals of the splines; of those that feed the circuits.
    kan_scale : {"free", "shared"}, default="free"
        See :class:`~cardiorisk.estimators.kacq.KANLayer`.
    dropout : float, default=0.5
        After each layer.
    scaling : {"minmax", "symmetric", "standard"}, default="symmetric"
        Of the columns, learned from the training rows: onto 0 to 1, onto -1 to 1, or to mean 0 and
        standard deviation 1.
    augment : {"oof"}, optional
        Adds the probability that a classical model gives, predicted out of fold for the training
        rows.
    augment_model : classifier, optional
        By default CardioForest's XGBoost.
    n_members : int, default=5
        Networks of different first weights and different held-back rows, whose mean probability is
        predicted.
    epochs, batch_size, learning_rate, weight_decay, optimizer, scheduler, patience
        See the training loop; early stopping watches the log loss of the held-back rows.
    validation_fraction : float, default=0.15
        Share of the rows that is held back, stratified or by whole groups; 0 trains all epochs on
        all rows.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Of the training.
    random_state : int, RandomState instance or None, default=None
    verbose : int, default=0

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    weights_ : dict of str to ndarray
    history_ : dict of str to ndarray
        One entry an epoch and member.
    n_parameters_ : int
        Trainable parameters of one member.
    device_used_ : {"cpu", "cuda"}
    n_features_in_ : int
    feature_names_in_ : ndarray of str

    References
    ----------
    Jahin et al. 2025, Computers in Biology and Medicine (PMID 40865268), arXiv:2410.07446.
    Departures are listed in the guide.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> model = KACQDCNNClassifier(n_members=1, epochs=10, random_state=0)
    >>> model.fit(X.iloc[::2, :8], y[::2]).score(X.iloc[1::2, :8], y[1::2]) > 0.85
    True
    """

    @classmethod
    def published(cls) -> Self:
        """Return the network with the sizes and schedule of the published notebooks.

        Returns
        -------
        classifier : KACQDCNNClassifier
            Unfitted. On the eleven columns of the study, with the classical model's column as
            twelfth, it has 3,023,221 trainable parameters. Held-back training rows, not the test
            set, stop it; see the guide for all departures.

        Examples
        --------
        >>> KACQDCNNClassifier.published().n_circuits
        3
        """
        return cls(**PUBLISHED)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Train.

        Parameters
        ----------
        X : array or DataFrame of shape (n_samples, n_features)
            Numbers, none missing.
        y : array of shape (n_samples,)
            Labels, at least two different ones.
        sample_weight : array of shape (n_samples,), optional
            Not negative. Rows of weight 0 are left out.
        groups : array of shape (n_samples,), optional
            Patients or sites: all rows of one are held back together, or none.

        Returns
        -------
        self

        Raises
        ------
        TableError
            A value is missing, or a column holds text.
        OptionalDependencyError, DeviceError
            torch, the simulator or the device cannot be had.
        ValueError
            Parameters, labels, weights and groups do not fit together.
        """
        X, y = self._check_X(X, y, reset=True)
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        groups = check_groups(groups, len(X))
        keep = slice(None) if weight is None else weight > 0
        X, y = X[keep], y[keep]
        weight = None if weight is None else weight[keep] / weight[keep].mean()
        groups = None if groups is None else groups[keep]
        self.classes_, encoded = encode_classes(y)
        rng = check_random_state(self.random_state)
        self._seed = int(rng.randint(2**31))  # of shots
        self._opinion = None
        tokens = X
        if self.augment is not None:
            self._opinion, added = fit_opinion(
                self.augment_model, X, encoded, weight, groups, int(rng.randint(2**31))
            )
            tokens = np.column_stack([X, added])
        scaling = fit_scaling(tokens, self.scaling)
        self._scaling = vars(scaling)
        plan = network_plan(self, tokens.shape[1], len(self.classes_))
        self._plan = {**asdict(plan), "n_members": self.n_members}
        rows = Rows(scaling(tokens), encoded, weight, groups)
        self.weights_, history, self.device_used_ = fit_members(self, plan, rows, rng)
        self.history_ = {name: history[name].to_numpy() for name in history}
        return self

    def _probability(self, X: Any) -> Floats:
        tokens = X
        if self._opinion is not None:
            tokens = np.column_stack([X, opinion(self._opinion, X)])
        with seeded(self._seed):
            scaled = InputScaling(**self._scaling)(tokens)
            return net_outputs(self.module_, scaled, batch_size=ROWS_AT_ONCE)

    def set_params(self, **params: Any) -> Self:
        """Set parameters; those of the simulation act on a fitted classifier too.

        Parameters
        ----------
        **params
            ``simulator``, ``shots`` and ``noise`` change the next predictions, all others the next
            ``fit``.

        Returns
        -------
        self
        """
        super().set_params(**params)
        if not params.keys().isdisjoint(AT_PREDICTION) and hasattr(self, "weights_"):
            self.weights_ = dict(self.weights_)  # a new dict: the module is built anew
        return self

    @property
    def n_parameters_(self) -> int:
        """Trainable parameters of one member."""
        check_is_fitted(self)
        return sum(parameter.numel() for parameter in self.module_.members[0].parameters())

    def _build_module(self) -> Any:
        from cardiorisk.estimators.kacq.dual_channel import MeanOfNets

        now = {name: getattr(self, name) for name in AT_PREDICTION}
        settings = {**self._plan, **now}
        n_members = settings.pop("n_members")
        # In float64 a row has the same prediction alone and among others.
        return MeanOfNets(NetworkPlan(**settings), n_members).double()

    def _check_X(self, X: Any, y: Any = "no_validation", *, reset: bool) -> Any:
        check_columns(self, X, reset=reset)
        try:
            return validate_data(self, X, y, reset=reset, dtype=np.float64)
        except ValueError as error:
            words = str(error)
            if "could not convert string to float" in words or "contains NaN" in words:
                raise TableError(
                    f"{words.partition(chr(10))[0]} Expected numbers, none missing: put "
                    'cardiorisk.features.ClinicalTable(impute="median") before this classifier in '
                    "a Pipeline."
                ) from error
            raise
