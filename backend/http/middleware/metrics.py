"""What the API counts about itself, as Prometheus text."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.http.middleware.base import HttpMiddleware

BUCKETS = (0.01, 0.05, 0.1, 0.3, 1.0, 3.0, 10.0)


class RequestLog(HttpMiddleware):
    """ASGI middleware, outermost: counts requests by route and status, and the time until their answers began."""

    def __init__(self, app: ASGIApp, counts: "RequestCounts") -> None:
        super().__init__(app)
        self.counts = counts

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        started = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self.counts.seconds.observe(time.perf_counter() - started)
            await send(message)

        self.counts.in_flight += 1
        try:
            await self.app(scope, receive, noted)
        finally:
            self.counts.in_flight -= 1
            route = getattr(scope.get("route"), "path_format", "none")
            self.counts.requests[(scope["method"][:10], route, status)] += 1


class Histogram:
    """Counts of durations in cumulative buckets."""

    def __init__(self) -> None:
        self.buckets = [0] * len(BUCKETS)
        self.count = 0
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.count += 1
        self.total += seconds
        for index, bound in enumerate(BUCKETS):
            self.buckets[index] += seconds <= bound


class RequestCounts:
    """Counters of one API process."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds = Histogram()


class Gauge(NamedTuple):
    """One number, or one for each value of a label."""

    name: str
    help: str
    values: Mapping[str, float]  # label, such as `state="running"`, to value; "" without a label


def render(counts: RequestCounts, gauges: Iterable[Gauge]) -> str:
    """The text format of Prometheus, version 0.0.4."""
    lines = ["# HELP diswm_requests_total Requests answered.", "# TYPE diswm_requests_total counter"]
    for (method, route, status), count in sorted(counts.requests.items()):
        lines.append(f'diswm_requests_total{{method="{method}",route="{_escaped(route)}",status="{status}"}} {count}')
    lines += [
        "# HELP diswm_request_seconds Time until an answer began.",
        "# TYPE diswm_request_seconds histogram",
    ]
    seconds = counts.seconds
    for bound, count in zip(BUCKETS, seconds.buckets, strict=True):
        lines.append(f'diswm_request_seconds_bucket{{le="{bound:g}"}} {count}')
    lines.append(f'diswm_request_seconds_bucket{{le="+Inf"}} {seconds.count}')
    lines += [f"diswm_request_seconds_sum {seconds.total:.6f}", f"diswm_request_seconds_count {seconds.count}"]
    for gauge in [Gauge("diswm_requests_in_flight", "Requests being answered.", {"": counts.in_flight}), *gauges]:
        lines += [f"# HELP {gauge.name} {gauge.help}", f"# TYPE {gauge.name} gauge"]
        lines += [
            f"{gauge.name}{{{label}}} {value:g}" if label else f"{gauge.name} {value:g}"
            for label, value in gauge.values.items()
        ]
    return "\n".join(lines) + "\n"


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
