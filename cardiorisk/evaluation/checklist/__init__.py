"""Reporting lists, filled as far as an evaluation can fill them."""

from cardiorisk.evaluation.checklist.facts import leakage_words
from cardiorisk.evaluation.checklist.fill import Checklist, ChecklistItem, checklist
from cardiorisk.evaluation.checklist.items import load_items

__all__ = ["Checklist", "ChecklistItem", "checklist", "leakage_words", "load_items"]
