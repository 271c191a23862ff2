"""Prototypes of ECGs as digital phenotypes: what they are associated with."""

from cardiorisk.evaluation.multiplicity import adjust_p_values
from cardiorisk.explain.phenotypes.association import associate, phenotype_associations
from cardiorisk.explain.phenotypes.codes import map_diagnoses, normalise_icd, read_code_map
from cardiorisk.explain.phenotypes.cohort import PhenotypeCohort, phenotype_cohort
from cardiorisk.explain.phenotypes.linkage import link_ecgs
from cardiorisk.explain.phenotypes.patterns import ClassPatterns, class_patterns
from cardiorisk.explain.phenotypes.plots import plot_phecode_manhattan, plot_volcano
from cardiorisk.explain.phenotypes.representations import (
    RepresentationComparison,
    compare_representations,
    multivariable_auroc,
)
from cardiorisk.explain.phenotypes.result import PhenotypeAssociations

__all__ = [
    "ClassPatterns",
    "PhenotypeAssociations",
    "PhenotypeCohort",
    "RepresentationComparison",
    "adjust_p_values",
    "associate",
    "class_patterns",
    "compare_representations",
    "link_ecgs",
    "map_diagnoses",
    "multivariable_auroc",
    "normalise_icd",
    "phenotype_associations",
    "phenotype_cohort",
    "plot_phecode_manhattan",
    "plot_volcano",
    "read_code_map",
]
