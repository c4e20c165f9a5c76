"""The routes, in files of the noun they are about; pages and their API side by side."""

from assay.web.routes import (
    benchmarks,
    compare,
    edit,
    edits,
    feature,
    features,
    login,
    run_actions,
    runs,
    start,
    sweeps,
)

ROUTERS = (
    login.router,
    start.router,
    runs.router,
    run_actions.router,
    compare.router,
    edit.router,
    benchmarks.router,
    edits.router,
    sweeps.router,
    features.router,
    feature.router,
)
"""All of them."""
