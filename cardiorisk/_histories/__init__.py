"""What happened to many patients, in columns: the noun that the readers of EHR tables return."""

from cardiorisk._histories.histories import PatientHistories

__all__ = ["PatientHistories"]
