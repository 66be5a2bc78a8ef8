from __future__ import annotations

import numpy as np

from benchmarks.metrics.arithmetic import divided, summed


def test_cpu_division_is_ieee_division() -> None:
    values = np.arange(256, dtype=np.float32)
    assert np.array_equal(divided(values, 255.0, "cpu"), values / np.float32(255))


def test_the_two_divisions_differ_for_some_of_the_256_values() -> None:
    values = np.arange(256, dtype=np.float32)
    differ = divided(values, 255.0, "cpu") != divided(values, 255.0, "cuda")
    assert 0 < differ.sum() < 256


def test_sums_are_taken_in_the_stated_order() -> None:
    random = np.random.default_rng(0)
    terms = [random.normal(size=50).astype(np.float32) for _ in range(8)]
    padded = [None, *terms, None]
    one_by_one = terms[0].copy()
    for term in terms[1:]:
        one_by_one = one_by_one + term
    t = {k + 1: term for k, term in enumerate(terms)}
    interleaved = (((t[4] + t[8]) + (t[1] + t[5])) + (t[2] + t[6])) + (t[3] + t[7])
    assert np.array_equal(summed(padded, "cpu"), one_by_one)
    assert np.array_equal(summed(padded, "cuda"), interleaved)
    assert not np.array_equal(one_by_one, interleaved)


def test_terms_are_left_as_they_were() -> None:
    terms = [np.ones(3, dtype=np.float32) for _ in range(4)]
    summed(terms, "cpu")
    summed(terms, "cuda")
    assert all(np.array_equal(term, np.ones(3)) for term in terms)
