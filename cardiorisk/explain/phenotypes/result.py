"""What an association study found."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cardiorisk.explain.phenotypes.cohort import PhenotypeCohort

__all__ = ["PhenotypeAssociations"]


@dataclass(frozen=True, eq=False)
class PhenotypeAssociations:
    """Associations of prototypes with phenotypes.

    Parameters
    ----------
    table : DataFrame
        One row a pair, see :func:`~cardiorisk.explain.phenotype_associations`.
    cohort : PhenotypeCohort
        The admissions that were compared.
    activations : ndarray of shape (n_admissions, n_prototypes)
        With mean 0 and standard deviation 1.
    test, correction : str
    alpha : float
        Level of ``table["significant"]``.

    Examples
    --------
    >>> from cardiorisk.datasets import make_phenotypes
    >>> from cardiorisk.explain import phenotype_associations
    >>> data = make_phenotypes(n_subjects=400, random_state=0)
    >>> found = phenotype_associations(
    ...     data.activations, data.ecg_table, data.diagnoses, data.code_map, data.covariates,
    ...     min_cases=50, intervals="none",
    ... )
    >>> found
    PhenotypeAssociations(20 prototypes x 6 phenotypes, logistic, 5 significant by bonferroni)
    """

    table: pd.DataFrame
    cohort: PhenotypeCohort
    activations: npt.NDArray[np.float64]
    test: str
    correction: str
    alpha: float

    @property
    def significant(self) -> pd.DataFrame:
        """Rows of the table that are significant, the smallest p-value first."""
        return self.table[self.table["significant"]].sort_values("log10_p", kind="stable")

    @property
    def problems(self) -> pd.DataFrame:
        """Rows of the table without an estimate; ``status`` says why."""
        return self.table[self.table["status"] != "ok"]

    def best(self) -> pd.DataFrame:
        """Return the row of each phenotype with the smallest p-value, in the order of phecodes."""
        known = self.table.dropna(subset=["log10_p"])
        rows = known.groupby("phecode", sort=False)["log10_p"].idxmin()
        return self.table.loc[rows].reset_index(drop=True)

    def __repr__(self) -> str:
        n_prototypes = self.activations.shape[1]
        return (
            f"PhenotypeAssociations({n_prototypes} prototypes x {len(self.cohort.phenotypes)} "
            f"phenotypes, {self.test}, {int(self.table['significant'].sum())} significant by "
            f"{self.correction})"
        )
