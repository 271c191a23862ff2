"""How much signal there was, and its power by frequency."""

from cardiorisk.records import Variable

__all__ = ["SIGNAL", "SPECTRUM"]

SIGNAL = (
    Variable(
        "n_beats",
        "number of beats",
        "",
        2,
        None,
        definition="Complete beats in the record, found in all leads together.",
    ),
    Variable(
        "n_usable_leads",
        "number of usable leads",
        "",
        1,
        None,
        definition="Leads that are finite and not flat.",
    ),
)


_MEAN = "Mean of the usable leads, from pieces of 2 s."
_REST = (
    "Between the end of T and QRS in V1, the median beat taken away so that P waves go and the "
    "waves of fibrillation stay; needs four beats with 0.2 s of rest."
)

SPECTRUM = (
    Variable(
        "total_power",
        "power of the signal",
        "mV^2",
        0,
        None,
        definition=f"Power from 0.5 to 40 Hz. {_MEAN}",
    ),
    Variable(
        "qrs_band_share",
        "share of the power in the band of QRS",
        "%",
        0,
        100,
        definition=f"Power from 5 to 15 Hz over that from 0.5 to 40 Hz. {_MEAN}",
        source="band doi:10.1109/TBME.1985.325532",
    ),
    Variable(
        "dominant_frequency",
        "frequency of most power",
        "Hz",
        0.5,
        40,
        definition=f"Between 0.5 and 40 Hz. {_MEAN}",
    ),
    Variable(
        "spectral_entropy",
        "spectral entropy",
        "",
        0,
        1,
        definition="Shannon entropy of the power from 0.5 to 40 Hz over its maximum, which white "
        f"noise has. {_MEAN}",
    ),
    Variable(
        "f_wave_power_V1",
        "power of fibrillation waves in V1",
        "mV^2",
        0,
        None,
        definition=f"Power from 4 to 9 Hz. {_REST}",
    ),
    Variable(
        "f_wave_share_V1",
        "share of the power in the band of fibrillation waves in V1",
        "%",
        0,
        100,
        definition=f"Power from 4 to 9 Hz over that from 2 to 40 Hz. {_REST}",
    ),
)
