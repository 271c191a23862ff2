"""Skip-gram with negative sampling over visits, trained by gensim."""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cardiorisk._compiled import compiled
from cardiorisk._optional import require
from cardiorisk.features._code_weights import DAY, patient_batches
from cardiorisk.records import PatientHistories

__all__ = ["MAX_CONTEXT", "MAX_SENTENCE", "VisitCorpus", "train_skip_gram"]

MAX_SENTENCE = 10_000
"""gensim reads no further in a sentence: https://github.com/piskvorky/gensim/issues/1509"""

MAX_CONTEXT = 10
"""Codes on each side that are drawn from a window of visits or days that holds more."""

CHUNK = 2**20  # events that are shuffled at once, unless one sentence has more

Ints = npt.NDArray[np.int64]


@dataclass(eq=False)
class VisitCorpus:
    """Sentences of tokens that are put into a new order each time they are iterated over.

    Parameters
    ----------
    tokens : ndarray of int32, shape (n_events,)
        Known codes only, by patient and time.
    visit_sizes : ndarray of int64, shape (n_visits,)
        Number of tokens of each visit.
    visit_days : ndarray of float64, shape (n_visits,)
    patient_visits : ndarray of int64, shape (n_patients,)
        Number of visits of each patient.
    window : float
        With unit "codes" it is gensim's affair and only visits are shuffled; a patient is a
        sentence. Otherwise a sentence holds the codes of so many visits or days, in any order.
        Where the first one begins is drawn anew each time, so that two codes ``d`` apart meet in
        a share ``1 - d / window`` of the epochs.
    unit : {"codes", "visits", "days"}
    rng : numpy.random.Generator
    """

    tokens: npt.NDArray[np.int32]
    visit_sizes: Ints
    visit_days: npt.NDArray[np.float64]
    patient_visits: Ints
    window: float
    unit: str
    rng: np.random.Generator
    words: npt.NDArray[np.object_] = field(init=False, repr=False)
    _patient: Ints = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # One object a token: a dictionary finds a key fastest if it is the very same object.
        self.words = np.arange(int(self.tokens.max(initial=-1)) + 1).astype(object)
        self._patient = np.repeat(np.arange(len(self.patient_visits)), self.patient_visits)

    @classmethod
    def of(
        cls,
        histories: PatientHistories,
        kept: npt.NDArray[np.intp],
        window: float,
        unit: str,
        rng: np.random.Generator,
    ) -> "VisitCorpus":
        """Keep the codes at ``kept`` of the vocabulary, as tokens 0, 1, ...

        Visits and patients that are left without any stay, empty.
        """
        token = np.full(histories.shape[1], -1, dtype=np.int32)
        token[kept] = np.arange(len(kept), dtype=np.int32)
        offsets = np.asarray(histories.visit_offsets)
        tokens, sizes = np.empty(len(histories.codes), np.int32), np.empty(len(offsets) - 1, int)
        filled = 0
        for visits in patient_batches(offsets):  # the histories may be larger than the memory
            edges = offsets[visits.start : visits.stop + 1]
            found = token[np.asarray(histories.codes[edges[0] : edges[-1]])]
            known = np.concatenate([[0], np.cumsum(found >= 0)])
            sizes[visits] = np.diff(known[edges - edges[0]])
            tokens[filled : filled + known[-1]] = found[found >= 0]
            filled += int(known[-1])
        first = np.asarray(histories.times)[offsets[:-1]].astype("M8[us]").astype(np.int64)
        return cls(
            tokens=tokens[:filled],
            visit_sizes=sizes,
            visit_days=first / DAY,
            patient_visits=np.asarray(np.diff(histories.patient_offsets), dtype=np.int64),
            window=window,
            unit=unit,
            rng=rng,
        )

    def __iter__(self) -> Iterator[list[int]]:
        sentence = self._sentence_of_visits()
        sizes = np.bincount(sentence, weights=self.visit_sizes).astype(np.int64)
        stops = np.cumsum(sizes)
        edges = np.cumsum(self.visit_sizes) if self.unit == "codes" else stops
        first = 0
        while first < len(sizes):
            begin = int(stops[first] - sizes[first])
            last = max(int(np.searchsorted(stops, begin + CHUNK, side="right")), first + 1)
            ends = stops[first:last]
            inside = edges[(edges > begin) & (edges <= ends[-1])]
            yield from self._shuffled(begin, inside, ends)
            first = last

    def _sentence_of_visits(self) -> Ints:
        """Tell which sentence each visit belongs to; sentences are numbered without holes."""
        if self.unit == "codes" or not len(self._patient):
            return self._patient
        phase = self.rng.random(len(self.patient_visits))[self._patient] * self.window
        if self.unit == "visits":
            first = np.cumsum(self.patient_visits) - self.patient_visits
            place = np.arange(len(self._patient)) - first[self._patient]
            part = (place + np.floor(phase)) // self.window
        else:
            part = np.floor((self.visit_days + phase) / self.window)
        new = (part[1:] != part[:-1]) | (self._patient[1:] != self._patient[:-1])
        return np.concatenate([[0], np.cumsum(new)])

    def _shuffled(self, begin: int, edges: Ints, stops: Ints) -> Iterator[list[int]]:
        """Shuffle between edges, and cut into sentences that gensim reads whole."""
        tokens = self.tokens[begin : stops[-1]].copy()
        random = self.rng.integers(2**32, size=len(tokens), dtype=np.uint32)
        _loop()(tokens, edges - begin, random)
        words = self.words[tokens].tolist()
        left = 0
        for right in (stops - begin).tolist():
            for cut in range(left, right, MAX_SENTENCE):
                yield words[cut : min(cut + MAX_SENTENCE, right)]
            left = right

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the sentences in a new order, one a line."""
        with Path(path).open("w", encoding="ascii") as file:
            file.writelines(" ".join(map(str, sentence)) + "\n" for sentence in self)


@cache
def _loop() -> Callable[..., None]:
    return compiled(_shuffle)


def _shuffle(tokens: Any, edges: Any, random: Any) -> None:
    """Shuffle tokens in place between edges, by Fisher and Yates with 32 random bits each."""
    start = 0
    for edge in edges:
        for last in range(edge - 1, start, -1):
            other = start + ((random[last] * (last - start + 1)) >> 32)
            tokens[last], tokens[other] = tokens[other], tokens[last]
        start = edge


def train_skip_gram(
    corpus: VisitCorpus,
    counts: Ints,
    *,
    vector_size: int,
    negative: int,
    epochs: int,
    learning_rate: float,
    workers: int,
    seed: int,
    corpus_file: bool = False,
) -> npt.NDArray[np.float32]:
    """Learn one vector a token.

    Skip-gram with negative sampling (Mikolov et al. 2013, doi:10.48550/arXiv.1310.4546), noise
    drawn in proportion to ``count ** 0.75``; the learning rate falls linearly to 1/250 of itself.
    The same vectors come out for the same seed with one worker, whatever the hash seed of the
    interpreter: tokens are numbers, in an order of their own.

    Parameters
    ----------
    corpus : VisitCorpus
    counts : ndarray of int64, shape (n_tokens,)
    corpus_file : bool, default=False
        Whether to hand the sentences over in a file, from which many workers read faster.

    Returns
    -------
    vectors : ndarray of float32, shape (n_tokens, vector_size)
    """
    word2vec = require("gensim.models.word2vec", extra="ehr")
    by_codes = corpus.unit == "codes"
    model = word2vec.Word2Vec(
        vector_size=vector_size,
        window=int(corpus.window) if by_codes else MAX_CONTEXT,
        shrink_windows=by_codes,
        min_count=1,
        sample=0.0,
        sg=1,
        hs=0,
        negative=negative,
        ns_exponent=0.75,
        alpha=learning_rate,
        min_alpha=learning_rate / 250,
        epochs=epochs,
        workers=workers,
        seed=seed,
    )
    order = np.argsort(-counts, kind="stable").tolist()
    words = corpus.words[order].tolist()
    if corpus_file:
        words = [str(word) for word in words]
    model.build_vocab_from_freq(dict(zip(words, counts[order].tolist(), strict=True)))
    n_words = len(corpus.tokens)
    if corpus_file:
        _train_from_files(model, corpus, n_words, epochs, learning_rate)
    else:
        model.train(corpus, total_words=n_words, epochs=epochs)
    vectors = np.empty((len(counts), vector_size), dtype=np.float32)
    vectors[[int(word) for word in model.wv.index_to_key]] = model.wv.vectors
    return vectors


def _train_from_files(
    model: Any, corpus: VisitCorpus, n_words: int, epochs: int, learning_rate: float
) -> None:
    """Write a newly shuffled file for every epoch and train on it."""
    rates = np.linspace(learning_rate, learning_rate / 250, epochs + 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        for start, stop in pairwise(rates.tolist()):
            corpus.write(path)
            model.train(
                corpus_file=str(path),
                total_words=n_words,
                epochs=1,
                start_alpha=start,
                end_alpha=stop,
            )
