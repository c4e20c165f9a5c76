"""The routes, in files of the noun they are about; pages and their API side by side."""

from assay.web.routes import runs

ROUTERS = (runs.router,)
"""All of them."""
