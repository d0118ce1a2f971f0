"""Families of samples, as Prometheus reads them. What is not known has no sample: it is absent, never 0."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

PREFIX = "perps_"
Samples = Iterable[tuple[tuple[str, ...], float | None]]  # The values of the labels, and the value.
_Family = TypeVar("_Family", GaugeMetricFamily, CounterMetricFamily)


def gauge(name: str, labels: tuple[str, ...], samples: Samples, says: str) -> GaugeMetricFamily:
    return _with(GaugeMetricFamily(PREFIX + name, says, labels=labels), samples)


def counter(name: str, labels: tuple[str, ...], samples: Samples, says: str) -> CounterMetricFamily:
    """Its samples are called `name` and `_total`."""
    return _with(CounterMetricFamily(PREFIX + name, says, labels=labels), samples)


def one(name: str, value: float | None, says: str) -> GaugeMetricFamily:
    """A gauge without labels."""
    return gauge(name, (), [((), value)], says)


def _with(family: _Family, samples: Samples) -> _Family:
    for labels, value in samples:
        if value is not None:
            family.add_metric(labels, float(value))
    return family
