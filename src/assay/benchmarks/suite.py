"""Run the benchmarks of one committed edit and say what they mean together; results stream as they finish."""

import time
from collections.abc import Collection, Sequence

from assay.benchmarks.asking import Bench
from assay.benchmarks.names import NAMES, chosen
from assay.benchmarks.result import BenchResult
from assay.benchmarks.table import SCORERS


def run_suite(
    bench: Bench, only: Sequence[str] | None = None, done: Collection[str] = ()
) -> list[BenchResult]:
    """The chosen benchmarks, those in ``done`` left out, each emitted as it finishes.

    Between and after them the model's weights are the unedited ones, bit for bit.
    """
    bench.edit.check(bench.model)
    ids = [id for id in chosen(only) if id not in done]
    out = []
    for index, id in enumerate(ids):
        row = NAMES[id]
        began = time.perf_counter()
        bench.emit("bench_started", {"id": id, "title": row.title, "index": index, "of": len(ids)})
        made = bench.plan.sifted_for(id)
        outcome = SCORERS[id](id, row.threshold, bench)
        result = BenchResult(
            score=outcome.score,
            title=row.title,
            question=row.question,
            group=row.group,
            generator=bench.plan.generator,
            probes=tuple(outcome.probes),
            sub_axes=outcome.sub_axes or {},
            ceiling=outcome.ceiling,
            steps=tuple(outcome.steps),
            texts=tuple(outcome.texts),
            accepted=made.accepted,
            rejects=made.rejected,
            again=made.again,
            seconds=time.perf_counter() - began,
        )
        bench.emit("bench_result", result.to_json())
        out.append(result)
    return out
